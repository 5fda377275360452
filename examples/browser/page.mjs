// The typed client in a page: `?manager=http://127.0.0.1:7070&image=nginx:1.27-alpine`.
import { createBerthClient } from "@berth/client";
import { scenario } from "../node/scenario.mjs";

const asked = new URLSearchParams(location.search);
const berth = createBerthClient({
  addresses: [asked.get("manager") ?? "127.0.0.1:7070"],
  retryMs: 5_000,
});

function print(line) {
  console.log(line);
  document.body.append(line, document.createElement("br"));
}

try {
  await scenario(berth, { image: asked.get("image") ?? "nginx:1.27-alpine", print });
  print("done");
} catch (error) {
  print(`failed: ${error.code}: ${error.message}`);
}
