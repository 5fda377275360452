import { newWorkerOf } from "../../core/plan/new-worker.ts";
import type { Step } from "../../core/plan/plan.ts";
import { submit } from "../../core/task-change.ts";
import { withDefaults } from "../../core/task-spec.ts";
import { countOf } from "../../core/validate-plan.ts";
import type { PlanStep } from "../../gen/berth/v1/plan_pb.ts";
import type { Task, TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { notFound } from "../../lib/errors.ts";

/** A task that a plan submits: it is known by an ID that only the plan uses. */
export type PlannedSpec = Readonly<{ taskId: string; spec: TaskSpec }>;

export type PlanInput = Readonly<{
  steps: readonly Step[];
  /** The tasks that are submitted, in their order, as they were given. */
  specs: readonly PlannedSpec[];
  /** The workers that steps drain or lose. */
  workerIds: readonly string[];
}>;

type Scene = Readonly<{
  defaultScheduler: string;
  now: number;
  /** Whether placement knows of a worker. */
  isKnown: (workerId: string) => boolean;
}>;

/** What valid steps of the contract mean. Throws NOT_FOUND for a worker that nobody knows. */
export function readSteps(given: readonly PlanStep[], scene: Scene): PlanInput {
  const steps: Step[] = [];
  const specs: PlannedSpec[] = [];
  const names = createNames(scene.isKnown);
  const workerIds: string[] = [];
  for (const [index, { step }] of given.entries()) {
    switch (step.case) {
      case "submit":
        for (let n = 0; n < countOf(step.value); n++) {
          const planned = plannedSpec(specs.length, step.value.spec);
          specs.push(planned);
          steps.push({ kind: "submit", index, task: pendingTask(planned, scene) });
        }
        break;
      case "add":
        for (let n = 0; n < countOf(step.value); n++)
          steps.push({ kind: "add", index, worker: newWorkerOf(step.value, names.next()) });
        break;
      case "drain":
      case "lose":
        workerIds.push(names.find(step.value.workerId));
        steps.push({ kind: step.case, index, workerId: step.value.workerId });
    }
  }
  return { steps, specs, workerIds };
}

/** Steps that submit the tasks, and nothing else. */
export const submitting = (
  specs: readonly TaskSpec[],
  scene: Omit<Scene, "isKnown">,
): Omit<PlanInput, "workerIds"> => {
  const planned = specs.map((spec, at) => plannedSpec(at, spec));
  const steps = planned.map((each, index) => {
    return { kind: "submit" as const, index, task: pendingTask(each, scene) };
  });
  return { steps, specs: planned };
};

function plannedSpec(at: number, spec: TaskSpec | undefined): PlannedSpec {
  assert(spec, `submit ${at} of a validated plan has a spec`);
  return { taskId: `planned-${at + 1}`, spec };
}

const pendingTask = (
  { taskId, spec }: PlannedSpec,
  { defaultScheduler, now }: Omit<Scene, "isKnown">,
): Task => submit(taskId, withDefaults(spec, { taskId, scheduler: defaultScheduler }), now).task;

/** Names for workers that are not there, and which of them have been given. */
function createNames(isKnown: (workerId: string) => boolean) {
  const added = new Set<string>();
  let number = 0;
  return {
    next(): string {
      do number++;
      while (isKnown(`new-${number}`));
      added.add(`new-${number}`);
      return `new-${number}`;
    },
    find(workerId: string): string {
      if (!added.has(workerId) && !isKnown(workerId)) throw notFound("worker", workerId);
      return workerId;
    },
  };
}
