import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../lib/random.ts";

/**
 * Below those that Linux takes for connections (`ip_local_port_range` in ip(7) begins at 32768): whoever
 * is killed and started again finds its port as it left it.
 */
const FIRST = 20_000;
const COUNT = 12_000;

/** Says of each port which process of tests it was given to. */
const CLAIMS = join(tmpdir(), "berth-test-ports");

/**
 * A port that nobody listens on, and that no other test is given while this process lives: a server
 * that is about to start, or is down for a moment, does not listen either.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(systemRandom() * COUNT);
    if (claimPort(port, CLAIMS) && (await isFree(port))) return port;
  }
}

/** Whether the port is this process's from now on. Those of processes that have ended are free. */
export function claimPort(port: number, folder: string): boolean {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, String(port));
  if (isClaimed(file)) return false;
  // Of two who come at the same time one finds the file there.
  const isStale = ownerOf(file) !== undefined;
  return write(file, isStale ? "w" : "wx");
}

function isClaimed(file: string): boolean {
  const owner = ownerOf(file);
  return owner !== undefined && isAlive(owner);
}

function ownerOf(file: string): number | undefined {
  try {
    return Number(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function write(file: string, flag: "w" | "wx"): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag });
    return true;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
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
