import { create } from "@bufbuild/protobuf";
import { wasUnplaceable } from "../../core/attempt-history.ts";
import { outcomesOf } from "../../core/outcomes.ts";
import { outlookOf } from "../../core/outlook.ts";
import type { Amount } from "../../core/placement/candidate.ts";
import { explanationOf } from "../../core/placement/decision.ts";
import { demandOf } from "../../core/placement/demand.ts";
import { countExclusions } from "../../core/placement/explain.ts";
import type { Placer } from "../../core/placement/place.ts";
import { type Aids, findRemedy, type Remedy } from "../../core/placement/remedy.ts";
import { wishesOf } from "../../core/placement-wishes.ts";
import { currentAttempt } from "../../core/task-change.ts";
import { questionOf } from "../../core/task-question.ts";
import { summarize } from "../../core/task-summary.ts";
import {
  type ExplainTaskRequest,
  type ExplainTaskResponse,
  ExplainTaskResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Booking, Bookings } from "./bookings.ts";
import { cureOf } from "./candidates.ts";
import type { Ledger } from "./ledger.ts";
import { type PageCursor, readPageRequest } from "./paging.ts";
import { findTask } from "./task-queries.ts";
import type { WorkerTable } from "./worker-table.ts";
import { verdictPage } from "./worker-verdicts.ts";

type Deps = Readonly<{
  ledger: Pick<Ledger, "revision" | "settled"> &
    Readonly<{ tasks: Pick<Ledger["tasks"], "get" | "placedOn"> }>;
  workers: Pick<WorkerTable, "get">;
  board: Readonly<{ placer: Pick<Placer, "explain">; bookings: Pick<Bookings, "of"> }>;
  clock: Clock;
}>;

/** Why a task is where it is, as of one moment, once what it is told by is durable. */
export async function explainTask(
  request: ExplainTaskRequest,
  deps: Deps,
): Promise<ExplainTaskResponse> {
  const cursor = readPageRequest(request);
  const task = findTask(request.taskId, deps.ledger);
  const explanation = explain(task, cursor, deps);
  await deps.ledger.settled();
  return explanation;
}

function explain(task: Task, cursor: PageCursor, deps: Deps): ExplainTaskResponse {
  const { ledger, board, clock } = deps;
  const now = clock.now();
  const question = questionOf(task);
  const appraisals = board.placer.explain(question.demand, question.scheduler, {
    wishes: wishesOf(task, now),
    booked: bookedFor(task, board.bookings),
  });
  const exclusions = countExclusions(appraisals, question);
  const remedy = lacksPlace(task) ? findRemedy(appraisals, question, aidsOf(deps)) : undefined;
  const page = verdictPage({ task, appraisals, demand: question.demand }, cursor);
  return create(ExplainTaskResponseSchema, {
    task,
    summary: summarize(task, { appraisals, explanation: explanationOf(exclusions), now }),
    ...(remedy && { remedy: remedyOf(remedy) }),
    attempts: outcomesOf(task).map((outcome) => ({ ...outcome })),
    outlook: outlookOf(task, now),
    workerCount: appraisals.length,
    suitableCount: appraisals.filter(({ kind }) => kind !== "excluded").length,
    exclusions: exclusions.map((exclusion) => ({ ...exclusion })),
    workers: page.entries,
    nextPageToken: page.nextPageToken,
    revision: ledger.revision(),
  });
}

/**
 * What a placed task has is not in its own way. Of one that waits for a place only attempts that
 * still have to stop have anything, and that is in its way indeed.
 */
const bookedFor = ({ id, state }: Task, bookings: Pick<Bookings, "of">): readonly Booking[] =>
  state === TaskState.PENDING ? [] : bookings.of(id);

/** Whether a task waits for a place, or gave up waiting. */
const lacksPlace = (task: Task): boolean =>
  task.state === TaskState.PENDING || wasUnplaceable(currentAttempt(task));

/** What is known beside the fleet, for those who look for a remedy. */
export const aidsOf = ({ ledger, workers }: Pick<Deps, "ledger" | "workers">): Aids => ({
  cure(workerId) {
    const worker = workers.get(workerId);
    return worker && cureOf(worker);
  },
  holder(workerId, port) {
    for (const { id, spec } of ledger.tasks.placedOn(workerId))
      if (spec && demandOf(spec).hostPorts.includes(port)) return id;
    return "";
  },
});

const QUANTITIES: readonly string[] = ["cpu", "memory", "disk"];

/** A remedy as the contract has it. */
export const remedyOf = ({ explanation, workerId, filter, demand }: Remedy) => ({
  ...{ explanation, workerId, filter },
  ...(demand && QUANTITIES.includes(filter) && { reservation: reservationOf(demand.amount) }),
});

const reservationOf = ({ cpuMillis, memoryBytes, diskBytes }: Amount) => ({
  cpuMillis: BigInt(cpuMillis),
  memoryBytes: BigInt(memoryBytes),
  diskBytes: BigInt(diskBytes),
});
