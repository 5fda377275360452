import { Worker } from "node:worker_threads";
import type { Log } from "./log.ts";

/** How often the guard asks the event loop for a turn, and looks. */
const BEAT_MS = 1_000;

/**
 * No turn may cost more of the CPU. The longest that are meant, collecting a large heap or reading
 * a large store, take 2 or 3 s.
 */
const CPU_MS_MAX = 20_000;

/** The guard holds a few numbers; without a limit V8 sets aside as much for it as for a program. */
const resourceLimits = {
  maxOldGenerationSizeMb: 8,
  maxYoungGenerationSizeMb: 1,
  codeRangeSizeMb: 4,
};

/** What the guard's thread is given. */
export type GuardData = Readonly<{ turns: Int32Array; cpuMsMax: number; beatMs: number }>;

/**
 * Watches from a second thread that this process's event loop turns, and kills the process when one
 * turn costs more CPU than any that is meant. What supervises the process starts it anew, and a
 * service resumes from what is on disk. Hanging for ever would be worse: nobody else takes over
 * from a process that lives, and what loops may eat all memory: HTTP/2 in Node 20 can send empty
 * frames of a destroyed stream without end (docs/decisions/0044-a-process-that-hangs-ends.md).
 */
export function guardTurns(log: Log, { cpuMsMax = CPU_MS_MAX, beatMs = BEAT_MS } = {}): void {
  const turns = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const workerData: GuardData = { turns, cpuMsMax, beatMs };
  const threadUrl = new URL("./turn-guard-thread.js", import.meta.url);
  // What this process was told, such as to measure itself, is not meant for the guard.
  const thread = new Worker(threadUrl, { workerData, resourceLimits, execArgv: [] });
  thread.on("message", () => Atomics.add(turns, 0, 1));
  thread.on("error", (err) => log.error({ err }, "turn guard lost"));
  thread.unref();
}
