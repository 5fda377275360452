import { spawn } from "node:child_process";
import { once } from "node:events";
import { systemClock } from "../lib/clock.ts";
import type { Share } from "./cluster-idle.ts";
import { cpuSecondsOf, ownBytesOf, rssBytesOf } from "./proc.ts";

const PROGRAM = new URL("./bare-streams.js", import.meta.url).pathname;

/** The flags of `berth server`. */
const FLAGS = ["--v8-pool-size=1", "--max-semi-space-size=4"];

/** Until all streams are open, and what came with that is over. */
const SETTLE_MS = 10_000;
const WATCH_MS = 20_000;

/**
 * What heartbeats of so many workers cost a process that does nothing but answer them, over grpc-js.
 * What a control plane costs beside it is the same on a fast machine and on a slow one.
 */
export async function measureBareStreams(workers: number, beatsPerSecond: number): Promise<Share> {
  const server = spawn(process.execPath, [...FLAGS, PROGRAM, "serve"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(server.stdout, "data");
  const everyMs = (workers / beatsPerSecond) * 1_000;
  const args = ["beat", String(line).trim(), String(workers), everyMs.toFixed(0)];
  const client = spawn(process.execPath, [PROGRAM, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    await systemClock.sleep(SETTLE_MS);
    const [startMs, before] = [performance.now(), cpuSecondsOf(server.pid)];
    await systemClock.sleep(WATCH_MS);
    const seconds = (performance.now() - startMs) / 1_000;
    return {
      percentOfCore: ((cpuSecondsOf(server.pid) - before) / seconds) * 100,
      rssBytes: rssBytesOf(server.pid),
      ownBytes: ownBytesOf(server.pid),
    };
  } finally {
    client.kill();
    server.kill();
  }
}
