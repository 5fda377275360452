import type { MessageInitShape } from "@bufbuild/protobuf";
import type { TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import type { HollowCluster } from "./hollow-cluster.ts";

/** How tasks are handed in. */
export type Manner = Readonly<{
  tasks: number;
  /** One means SubmitTask, more SubmitTasks. */
  tasksPerCall: number;
  callsAtOnce: number;
}>;

/** CPU seconds, user and system, of the client, each process of the control plane, and all workers. */
export type CpuSeconds = Readonly<Record<string, number>>;

/** One load of tasks, from the first call to the last RUNNING on disk. */
export type Round = Readonly<{
  tasks: number;
  seconds: number;
  /** Until the last call was answered: every task on disk. */
  submitSeconds: number;
  /** How long each call took. */
  callMs: readonly number[];
  cpu: CpuSeconds;
}>;

/** An ordinary task, small enough that thousands fit on one worker. */
export const SPEC: MessageInitShape<typeof TaskSpecSchema> = {
  name: "web",
  image: "shop/web:1.4.2",
  command: ["/bin/server"],
  args: ["--port", "8080"],
  env: { LOG: "info", REGION: "eu" },
  labels: { app: "shop" },
  reservation: { cpuMillis: 1n, memoryBytes: 1n << 20n },
};

export async function runRound(cluster: HollowCluster, manner: Manner): Promise<Round> {
  const { tasks } = manner;
  const before = await cluster.runningCount();
  const cpuBefore = cpuOf(cluster);
  const startMs = performance.now();
  const callMs = await submitAll(cluster, manner);
  const submitSeconds = (performance.now() - startMs) / 1_000;
  await cluster.untilRunning(before + tasks);
  const seconds = (performance.now() - startMs) / 1_000;
  return { tasks, seconds, submitSeconds, callMs, cpu: difference(cpuOf(cluster), cpuBefore) };
}

/** Each lane makes its next call when the one before is answered. */
async function submitAll(
  cluster: HollowCluster,
  { tasks, tasksPerCall, callsAtOnce }: Manner,
): Promise<readonly number[]> {
  const callMs: number[] = [];
  let left = tasks;
  async function lane(): Promise<void> {
    while (left > 0) {
      const count = Math.min(left, tasksPerCall);
      left -= count;
      const startMs = performance.now();
      await (tasksPerCall === 1 ? submitOne(cluster) : submitMany(cluster, count));
      callMs.push(performance.now() - startMs);
    }
  }
  await Promise.all(Array.from({ length: callsAtOnce }, lane));
  return callMs;
}

async function submitOne({ manager }: HollowCluster): Promise<void> {
  const { task } = await manager.submitTask({ spec: SPEC, omitFieldReport: true });
  assert(task, "the manager answered without a task");
}

async function submitMany({ manager }: HollowCluster, count: number): Promise<void> {
  const requests = Array.from({ length: count }, () => ({ spec: SPEC, omitFieldReport: true }));
  const { results } = await manager.submitTasks({ requests });
  const made = results.filter(({ outcome }) => outcome.case === "task").length;
  assert(made === count, `${made} of ${count} tasks were taken`);
}

function cpuOf({ processes: { control, workers } }: HollowCluster): CpuSeconds {
  const { user, system } = process.cpuUsage();
  const ofControl = Object.entries(control).map(([verb, each]) => [verb, each.cpuSeconds()]);
  return {
    client: (user + system) / 1e6,
    ...Object.fromEntries(ofControl),
    workers: workers.reduce((sum, each) => sum + each.cpuSeconds(), 0),
  };
}

const difference = (after: CpuSeconds, before: CpuSeconds): CpuSeconds =>
  Object.fromEntries(Object.entries(after).map(([name, all]) => [name, all - (before[name] ?? 0)]));
