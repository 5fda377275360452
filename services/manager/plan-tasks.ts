import { makePlan } from "../../core/plan/plan.ts";
import { validatePlan } from "../../core/validate-plan.ts";
import type { PlanTasksRequest, PlanTasksResponse } from "../../gen/berth/v1/plan_pb.ts";
import { cancelled, exhausted, invalidFields } from "../../lib/errors.ts";
import { inSlices } from "../../lib/slices.ts";
import { createTurnstile } from "../../lib/turnstile.ts";
import { checkIndexOf } from "./check-index.ts";
import { aidsOf } from "./explain-task.ts";
import type { Ledger } from "./ledger.ts";
import type { PlacementBoard } from "./placement-board.ts";
import { foretold } from "./plan-check.ts";
import { responseOf } from "./plan-response.ts";
import { type SnapshotDeps, takeSnapshot } from "./plan-snapshot.ts";
import { readSteps } from "./plan-steps.ts";
import type { WorkerTable } from "./worker-table.ts";

export type PlanDeps = SnapshotDeps &
  Readonly<{
    ledger: Pick<Ledger, "revision" | "settled"> &
      SnapshotDeps["ledger"] &
      Readonly<{ tasks: Pick<Ledger["tasks"], "get"> }>;
    workers: Pick<WorkerTable, "get">;
    board: SnapshotDeps["board"] &
      Readonly<{ placer: Pick<PlacementBoard["placer"], "candidate"> }>;
    schedulers: readonly string[];
    defaultScheduler: string;
  }>;

export type Planner = (
  request: PlanTasksRequest,
  signal: AbortSignal,
) => Promise<PlanTasksResponse>;

/** Callers that may wait for their plan. Only one is made at a time: it is work, and never urgent. */
const CALLERS_MAX = 8;

const BUSY_RETRY_MS = 1_000;

/** Answers what would happen. Long plans are made in slices, on the cluster as it was when begun. */
export function createPlanner(deps: PlanDeps): Planner {
  const turnstile = createTurnstile(1);
  let callers = 0;

  return async (request, signal) => {
    const violations = validatePlan(request, deps);
    if (violations.length > 0) throw invalidFields(violations);
    if (callers === CALLERS_MAX) {
      const words = `${CALLERS_MAX} plans are being made or wait for that: try again in a while`;
      throw exhausted("TOO_MANY_PLANS", words, { retryMs: BUSY_RETRY_MS });
    }
    callers++;
    try {
      const answer = await turnstile.pass(() => plan(request, deps, signal), signal);
      if (!answer) throw cancelled("the caller left before the plan was begun");
      return answer;
    } finally {
      callers--;
    }
  };
}

async function plan(
  request: PlanTasksRequest,
  deps: PlanDeps,
  signal: AbortSignal,
): Promise<PlanTasksResponse> {
  const { ledger, board, clock, defaultScheduler } = deps;
  const now = clock.now();
  const isKnown = (workerId: string) => board.placer.candidate(workerId) !== undefined;
  const { steps, specs, workerIds } = readSteps(request.steps, { defaultScheduler, now, isKnown });
  const scope = request.nPlusOne ? "all" : workerIds;
  const { snapshot, retryingCount } = takeSnapshot(deps, scope);
  const revision = ledger.revision();
  const settled = ledger.settled();
  const work = makePlan(snapshot, { steps, withRisks: request.nPlusOne, aids: aidsOf(deps) });
  const made = await inSlices(work, clock, signal);
  await settled;
  const isAnyWorker = request.anyWorker;
  const checkIndex = checkIndexOf(foretold(specs, made), { revision, isAnyWorker });
  return responseOf(made, { specs, retryingCount, revision, checkIndex, now });
}
