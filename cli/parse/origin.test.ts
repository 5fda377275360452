import { expect, test } from "@jest/globals";
import { parseOrigin } from "./origin.ts";

test.each(["https://ui.example", "http://127.0.0.1:8080", "http://[::1]:8080"])(
  "%s is an origin",
  (text) => {
    expect(parseOrigin(text)).toEqual({ kind: "parsed", value: text });
  },
);

test.each([
  ["https://ui.example/", "must be https://ui.example"],
  ["HTTPS://UI.example:443/app?x", "must be https://ui.example"],
  ["ui.example", "must be scheme://host:port, such as https://ui.example:8443"],
  ["*", "must be scheme://host:port"],
  ["null", "must be scheme://host:port"],
  ["file:///tmp/page.html", "must be scheme://host:port"],
  ["", "must be scheme://host:port"],
])("%s is none, and the remedy is told", (text, remedy) => {
  const result = parseOrigin(text);
  expect(result.kind === "malformed" && result.problem).toContain(remedy);
});
