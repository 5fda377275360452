import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  SubmitTasksRequestSchema,
  SubmitTasksResponseSchema,
} from "../gen/berth/v1/manager_service_pb.ts";
import type { TaskEvent } from "../gen/berth/v1/task_event_pb.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import { EchoService } from "../lib/rpc/testing/echo-pb.ts";
import { openLmdbStore } from "../lib/store/lmdb-store.ts";
import type { Write } from "../lib/store/store.ts";
import { putEvents, putTasks, putVersions } from "../services/manager/ledger-records.ts";
import { type Manner, SPEC } from "./cluster-load.ts";
import { cpuSecondsOf } from "./proc.ts";

/** What a floor takes: the rate in tasks, and the CPU of all who take part. */
export type Floor = Readonly<{ tasks: number; seconds: number; cpuSeconds: number }>;

/** A task as the ledger has it, with the events of its life. */
export type Life = Readonly<{ task: Task; events: readonly TaskEvent[] }>;

/** Events that go to disk with a task's first record: it is placed before it is flushed. */
const EVENTS_FIRST = 2;

/**
 * The same bytes in the same batches, and nothing but the store: each batch of tasks as submitted
 * and placed, then as running with the remaining events.
 */
export async function measureStoreFloor(lives: readonly Life[], perBatch: number): Promise<Floor> {
  const folder = mkdtempSync(join(tmpdir(), "berth-floor-"));
  const store = await openLmdbStore({ folder: join(folder, "store"), clock: systemClock });
  const batches: Write[][] = [];
  for (let at = 0; at < lives.length; at += perBatch) {
    const part = lives.slice(at, at + perBatch);
    batches.push(part.flatMap((life) => writesOf(life, 0, EVENTS_FIRST)));
    batches.push(part.flatMap((life) => writesOf(life, EVENTS_FIRST, undefined)));
  }
  const { startMs, cpu } = { startMs: performance.now(), cpu: process.cpuUsage() };
  for (const writes of batches) await store.commit({ writes });
  const seconds = (performance.now() - startMs) / 1_000;
  const used = process.cpuUsage(cpu);
  await store.close();
  rmSync(folder, { recursive: true });
  return { tasks: lives.length, seconds, cpuSeconds: (used.user + used.system) / 1e6 };
}

function writesOf({ task, events }: Life, from: number, to: number | undefined): Write[] {
  const told = events.slice(from, to);
  const versions = told.map(({ taskId, revision }) => ({ taskId, revision, version: undefined }));
  return [...putTasks([task]), ...putEvents(told), ...putVersions(versions)];
}

/** A call of as many bytes as SubmitTasks and its answer have together, half of them each way. */
export async function measureEchoFloor(manner: Manner, task: Task): Promise<Floor> {
  const { tasks, tasksPerCall, callsAtOnce } = manner;
  const payload = new Uint8Array(bytesOf(task, tasksPerCall) / 2);
  const { child, address } = await startEcho();
  const channel = openChannel({ address, clock: systemClock, log: silentLog, timeoutMs: 60_000 });
  const { say } = createClient(EchoService, channel);
  try {
    await say({ payload });
    const { startMs, cpu } = { startMs: performance.now(), cpu: process.cpuUsage() };
    const serverCpu = cpuSecondsOf(child.pid);
    let left = Math.ceil(tasks / tasksPerCall);
    const lane = async () => {
      while (left-- > 0) await say({ payload });
    };
    await Promise.all(Array.from({ length: callsAtOnce }, lane));
    const seconds = (performance.now() - startMs) / 1_000;
    const used = process.cpuUsage(cpu);
    const cpuSeconds = (used.user + used.system) / 1e6 + cpuSecondsOf(child.pid) - serverCpu;
    return { tasks, seconds, cpuSeconds };
  } finally {
    channel.close();
    child.kill();
  }
}

function bytesOf(task: Task, count: number): number {
  const requests = Array.from({ length: count }, () => ({ spec: SPEC }));
  const results = requests.map(() => ({ outcome: { case: "task" as const, value: task } }));
  const question = create(SubmitTasksRequestSchema, { requests });
  const answer = create(SubmitTasksResponseSchema, { results });
  return (
    toBinary(SubmitTasksRequestSchema, question).length +
    toBinary(SubmitTasksResponseSchema, answer).length
  );
}

async function startEcho(): Promise<Readonly<{ child: ChildProcess; address: string }>> {
  const program = new URL("./echo-server.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout, "data");
  return { child, address: String(line).trim() };
}
