import { liveOn } from "../../core/live-attempts.ts";
import { SCHEDULER_NAMES } from "../../core/placement/schedulers.ts";
import { questionOf } from "../../core/task-question.ts";
import type { PlanTasksRequest, PlanTasksResponse } from "../../gen/berth/v1/plan_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { createPlanner } from "../../services/manager/plan-tasks.ts";
import { complete, type FakeScene, placerOf, tableOf } from "./fake-explanation.ts";

/** The manager's own plan, of fake tasks on fake workers. */
export function planFake(
  request: PlanTasksRequest,
  { ledger, workers, clock }: FakeScene,
): Promise<PlanTasksResponse> {
  const table = tableOf(workers);
  const placer = placerOf(workers, table);
  const tasks = [...ledger.tasks.values()].map(complete);
  const on = (workerId: string) => tasks.filter((task) => liveOn(task, workerId).length > 0);
  for (const { id } of workers) for (const task of on(id)) placer.book(id, questionOf(task).demand);
  const plan = createPlanner({
    ledger: {
      revision: () => BigInt(ledger.changes.length),
      settled: () => Promise.resolve(),
      tasks: {
        get: (taskId) => tasks.find(({ id }) => id === taskId),
        placedOn: (workerId) => on(workerId).values() as never,
        pending: () => tasks.filter(({ state }) => state === TaskState.PENDING).values() as never,
        workerIds: () => workers.map(({ id }) => id).values() as never,
      },
    },
    workers: table,
    board: {
      placer,
      bookings: { of: (taskId) => bookedFor(tasks.find(({ id }) => id === taskId)) },
      waiting: { isDue: () => false },
    },
    clock,
    schedulers: SCHEDULER_NAMES,
    defaultScheduler: "spread",
  });
  return plan(request, new AbortController().signal);
}

function bookedFor(task: Task | undefined) {
  const workerId = task?.attempt?.placement?.workerId ?? "";
  return task && workerId !== "" ? [{ workerId, demand: questionOf(task).demand }] : [];
}
