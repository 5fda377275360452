import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "./assert.ts";
import { systemClock } from "./clock.ts";
import type { GuardData } from "./turn-guard.ts";
import { createTurnJudge } from "./turn-judge.ts";

const STDERR = 2;

const { turns, cpuMsMax, beatMs }: GuardData = workerData;
const judge = createTurnJudge(cpuMsMax);

function look(): void {
  const { user, system } = process.cpuUsage();
  const cpuMs = judge({ turns: Atomics.load(turns, 0), cpuMs: (user + system) / 1_000 });
  if (cpuMs !== undefined) end(cpuMs);
  assert(parentPort, "the guard is a thread");
  parentPort.postMessage("turn");
  systemClock.after(beatMs, look);
}

function end(cpuMs: number): void {
  // The log belongs to the thread that hangs, as do its streams: the line is written by hand.
  const time = systemClock.now();
  const line = { level: 60, time, pid: process.pid, cpuMs, msg: "event loop stuck" };
  writeSync(STDERR, `${JSON.stringify(line)}\n`);
  process.kill(process.pid, "SIGKILL");
}

look();
