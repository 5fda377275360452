import { fieldReport } from "../../core/field-report.ts";
import { withDefaults } from "../../core/task-spec.ts";
import type { FieldViolation } from "../../core/validate.ts";
import { validateTaskSpec } from "../../core/validate-task-spec.ts";
import type { FieldReport } from "../../gen/berth/v1/field_report_pb.ts";
import type { TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import { createAlikes } from "../../lib/alike.ts";
import { assert } from "../../lib/assert.ts";
import { freeze } from "../../lib/message/frozen.ts";

/** What there is to say of a spec that a user handed in. */
export type TakenSpec = Readonly<{
  /** Everything that the contract forbids. */
  violations: readonly FieldViolation[];
  /** With every default, and under the task's name where it has none. Only without violations. */
  complete: (taskId: string) => TaskSpec;
  /** What was taken for each field. Only without violations. One object for specs that are alike. */
  report: () => FieldReport;
}>;

type Options = Readonly<{ schedulers: readonly string[]; defaultScheduler: string }>;

/** Users hand in a few specs at a time, each many times over. */
const KEPT_MAX = 4;

/**
 * Takes in the specs that users hand in. Those that are alike, as the replicas of a service are, are
 * checked once, and their tasks share one object: it is encoded once, and a million tasks are not a
 * million specs in memory.
 */
export function createSpecIntake(options: Options): (spec: TaskSpec | undefined) => TakenSpec {
  const accepted = createAlikes<TaskSpec, TakenSpec>(KEPT_MAX);
  return (spec) => {
    const known = spec && accepted.find(spec);
    if (known) return known;
    const taken = take(spec, options);
    if (spec && taken.violations.length === 0) accepted.keep(spec, taken);
    return taken;
  };
}

function take(spec: TaskSpec | undefined, { schedulers, defaultScheduler }: Options): TakenSpec {
  let named: TaskSpec | undefined;
  let report: FieldReport | undefined;
  function complete(taskId: string): TaskSpec {
    assert(spec, "a validated request has a spec");
    const completed = named ?? freeze(withDefaults(spec, { taskId, scheduler: defaultScheduler }));
    if (spec.name !== "") named = completed;
    return completed;
  }
  return {
    violations: validateTaskSpec(spec, { schedulers }),
    complete,
    report() {
      assert(spec, "a validated request has a spec");
      report ??= fieldReport(spec, complete(""));
      return report;
    },
  };
}
