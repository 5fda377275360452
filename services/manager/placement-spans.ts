import { attemptTrace } from "../../core/attempt-trace.ts";
import { toMillis } from "../../core/time.ts";
import { type Attempt, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Tracer } from "../../lib/trace/tracer.ts";
import type { LedgerListener } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";

/** Tells of each attempt of a traced task that it was placed, once that is durable. */
export function createPlacementTeller(tracer: Tracer, clock: Clock): LedgerListener {
  function tell(task: Task, placed: Attempt): void {
    const { number, placement } = placed;
    const trace = attemptTrace(task, number);
    if (!trace) return;
    const { parentSpanId, links, ...context } = trace;
    const endMs = clock.now();
    tracer.tell({
      name: "manager.schedule",
      kind: "internal",
      ...{ context, parentSpanId, links },
      ...{ startMs: waitedSinceMs(task, placed) ?? endMs, endMs, error: undefined },
      attributes: {
        "berth.task.id": task.id,
        "berth.task.name": task.spec?.name ?? "",
        "berth.attempt": number,
        "berth.worker.id": placement?.workerId ?? "",
        "berth.scheduler": placement?.scheduler ?? "",
      },
    });
  }

  return (changes) => {
    for (const change of changes) {
      const placed = change.task.traceparent === "" ? undefined : placedBy(change);
      if (placed) tell(change.task, placed);
    }
  };
}

/** The attempt that a change has given a worker. */
function placedBy({ task, event, removed }: LedgerChange): Attempt | undefined {
  const { fromState, toState, workerId } = event;
  if (removed) return undefined;
  if (fromState === TaskState.PENDING && toState === TaskState.SCHEDULED) return task.attempt;
  const { successor, updateTime } = task;
  const placeTime = successor?.placement?.placeTime;
  const isNew = successor?.placement?.workerId === workerId && !successor.status;
  if (!isNew || !placeTime || !updateTime) return undefined;
  return toMillis(placeTime) === toMillis(updateTime) ? successor : undefined;
}

/** The first attempt waits since the submit, a later one since the end of the one before. */
function waitedSinceMs(task: Task, { number, placement }: Attempt): number | undefined {
  const before = task.pastAttempts.find((past) => past.number === number - 1);
  const laterSince = before?.status?.observeTime ?? placement?.placeTime;
  const since = number <= 1 ? task.createTime : laterSince;
  return since && toMillis(since);
}
