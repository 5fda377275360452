import { once } from "node:events";
import { createServer } from "node:net";
import { systemRandom } from "../lib/random.ts";

/**
 * Below those that Linux takes for connections (`ip_local_port_range` in ip(7) begins at 32768): whoever
 * is killed and started again finds its port as it left it.
 */
const FIRST = 20_000;
const COUNT = 12_000;

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(systemRandom() * COUNT);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
