import { create } from "@bufbuild/protobuf";
import { stateName } from "../../core/task-state.ts";
import {
  type StreamTaskStatsRequest,
  StreamTaskStatsResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { FakeLedger } from "./fake-ledger.ts";

const MEBIBYTE = 2 ** 20;

/** A round of figures: how busy a task was is not known in the first. worker-2 is never reached. */
export function fakeStats(
  { taskIds, filter }: StreamTaskStatsRequest,
  { tasks }: FakeLedger,
  round: "first" | "later",
) {
  const named = taskIds.flatMap((taskId) => tasks.get(taskId) ?? []);
  const wanted = taskIds.length > 0 ? named : [...tasks.values()];
  const isRunning = ({ state, spec }: Task) =>
    state === TaskState.RUNNING && (!filter?.name || filter.name === spec?.name);
  const idle = named.filter((task) => !isRunning(task));
  const warnings = idle.map(({ id, state }) => ({
    taskId: id,
    message: `does not run: it is ${stateName(state)}`,
  }));
  const away = { workerId: "worker-2", message: "is down: lease expired" };
  return create(StreamTaskStatsResponseSchema, {
    stats: wanted.filter(isRunning).map((task, i) => figuresOf(task, i, round)),
    warnings: taskIds.length > 0 ? warnings : [away],
    complete: true,
  });
}

/** The first has no memory limit and no network of its own. */
const figuresOf = ({ id, spec }: Task, index: number, round: "first" | "later") => ({
  taskId: id,
  attempt: 1,
  taskName: spec?.name ?? "",
  workerId: "worker-1",
  cpuNanos: 52_463_241n,
  ...(round === "later" && { cpuPercent: 12.34 + 100 * index }),
  memoryBytes: BigInt((index + 1) * 12 * MEBIBYTE),
  memoryUsageBytes: BigInt(40 * MEBIBYTE),
  memoryLimitBytes: BigInt(index * 512 * MEBIBYTE),
  ...(index > 0 && { networkReceiveBytes: 1_536n, networkTransmitBytes: 700n }),
  blockReadBytes: 4_096n,
  blockWriteBytes: 0n,
  processCount: 3n,
});
