import { makePlan, type Plan } from "../../core/plan/plan.ts";
import { atOnce } from "../../core/plan/slices.ts";
import type { TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { aborted, invalidFields } from "../../lib/errors.ts";
import { type Foretold, holds, readCheckIndex } from "./check-index.ts";
import type { Ledger } from "./ledger.ts";
import { type SnapshotDeps, takeSnapshot } from "./plan-snapshot.ts";
import { type PlannedSpec, submitting } from "./plan-steps.ts";

type Deps = SnapshotDeps &
  Readonly<{
    ledger: Pick<Ledger, "revision"> & SnapshotDeps["ledger"];
    defaultScheduler: string;
  }>;

/**
 * Throws unless what a plan said of these tasks still holds. It is found out anew, in one turn: who
 * commits the tasks in the same turn gets what was found, for nothing can come between.
 */
export function checkPlan(text: string, specs: readonly TaskSpec[], deps: Deps): void {
  const index = readCheckIndex(text);
  if (!index) throw invalidFields([malformed(text)]);
  const { ledger, clock, defaultScheduler } = deps;
  const { snapshot } = takeSnapshot(deps, []);
  const input = submitting(specs, { defaultScheduler, now: clock.now() });
  const plan = atOnce(makePlan(snapshot, { steps: input.steps, withRisks: false }));
  const found = foretold(input.specs, plan);
  if (holds(found, index)) return;
  const revision = ledger.revision();
  const message =
    `the plan of revision ${index.revision} no longer holds at revision ${revision}, or is of ` +
    `other tasks: now ${summaryOf(found)}; plan again`;
  const metadata = { planned_revision: `${index.revision}`, revision: `${revision}` };
  throw aborted("PLAN_OUTDATED", message, { metadata });
}

const malformed = (text: string) => ({
  field: "check_index",
  description: `is ${JSON.stringify(text.slice(0, 64))}: must be what a plan answered, such as 12-0123456789ab`,
});

/** What a plan says of the tasks that it submits, in their order. */
export function foretold(specs: readonly PlannedSpec[], { tasks }: Plan): readonly Foretold[] {
  const fates = new Map(tasks.map(({ task, fate }) => [task.id, fate]));
  return specs.map(({ taskId, spec }) => {
    const fate = fates.get(taskId);
    assert(fate, `a plan says what becomes of ${taskId}`);
    return { spec, fate };
  });
}

/** Tasks of which a message tells where they would go. */
const TASKS_TOLD = 3;

function summaryOf(found: readonly Foretold[]): string {
  const told = found.slice(0, TASKS_TOLD).map(({ spec, fate }) => {
    const name = spec.name || spec.image;
    if (fate.kind === "placed") return `${name} would go to ${fate.placement.workerId}`;
    return `${name} would wait${fate.kind === "unplaced" ? ` (${fate.explanation})` : ""}`;
  });
  const rest = found.length - told.length;
  return told.join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
