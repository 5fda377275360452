import { create } from "@bufbuild/protobuf";
import { whyUnplaced } from "../../core/pending-order.ts";
import type { Fate, PlannedTask } from "../../core/plan/fate.ts";
import type { Risk } from "../../core/plan/loss-risks.ts";
import type { Plan } from "../../core/plan/plan.ts";
import {
  PlannedFate,
  type PlanTasksResponse,
  PlanTasksResponseSchema,
} from "../../gen/berth/v1/plan_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { remedyOf } from "./explain-task.ts";
import type { PlannedSpec } from "./plan-steps.ts";

/** As the contract says of `PlanTasksResponse`. */
const TASKS_SHOWN = 1_000;
const RISKS_SHOWN = 100;
const HOMELESS_SHOWN = 5;

type Context = Readonly<{
  specs: readonly PlannedSpec[];
  retryingCount: number;
  revision: bigint;
  checkIndex: string;
  now: number;
}>;

/** A plan as the contract has it. */
export function responseOf(plan: Plan, context: Context): PlanTasksResponse {
  const { tasks, risks, waitingCount } = plan;
  const { specs, retryingCount, revision, checkIndex } = context;
  const count = (kind: Fate["kind"]) => tasks.filter(({ fate }) => fate.kind === kind).length;
  const names = createNames(specs);
  return create(PlanTasksResponseSchema, {
    tasks: shortened(tasks).map((each) => taskOf(each, plan, { ...names, now: context.now })),
    taskCount: tasks.length,
    placedCount: count("placed"),
    unplacedCount: count("unplaced"),
    ...{ waitingCount, retryingCount, revision, checkIndex },
    risks: (risks?.risks ?? []).slice(0, RISKS_SHOWN).map((risk) => riskOf(risk, names)),
    riskCount: risks?.risks.length ?? 0,
    riskWorkerCount: risks?.workerCount ?? 0,
  });
}

/** Of too many those first that would have no place. */
function shortened(tasks: readonly PlannedTask[]): readonly PlannedTask[] {
  if (tasks.length <= TASKS_SHOWN) return tasks;
  const isUnplaced = ({ fate }: PlannedTask): boolean => fate.kind === "unplaced";
  const sorted = [...tasks.filter(isUnplaced), ...tasks.filter((each) => !isUnplaced(each))];
  return sorted.slice(0, TASKS_SHOWN);
}

/** What tasks are called: those of the plan itself only as their submitter calls them. */
type Names = Readonly<{ named: (task: Task) => { taskId: string; taskName: string } }>;

function createNames(specs: readonly PlannedSpec[]): Names {
  const own = new Map(specs.map(({ taskId, spec }) => [taskId, spec.name]));
  return {
    named({ id, spec }) {
      const name = own.get(id);
      return name === undefined
        ? { taskId: id, taskName: spec?.name ?? "" }
        : { taskId: "", taskName: name };
    },
  };
}

const FATES = {
  placed: PlannedFate.PLACED,
  unplaced: PlannedFate.UNPLACED,
  stays: PlannedFate.STAYS,
  ends: PlannedFate.ENDS,
} as const;

function taskOf(
  { task, fromWorkerId, step, fate }: PlannedTask,
  { remedies }: Plan,
  { named, now }: Names & Readonly<{ now: number }>,
) {
  const remedy = remedies.get(task.id);
  return {
    ...named(task),
    ...(step !== undefined && { step }),
    fate: FATES[fate.kind],
    fromWorkerId,
    ...detailsOf(fate, { task, fromWorkerId, now }),
    ...(fate.kind === "unplaced" && remedy && { remedy: remedyOf(remedy) }),
  };
}

type Origin = Readonly<{ task: Task; fromWorkerId: string; now: number }>;

function detailsOf(fate: Fate, { task, now }: Origin) {
  switch (fate.kind) {
    case "placed":
      return {
        toWorkerId: fate.placement.workerId,
        reason: fate.note,
        placement: fate.placement,
      };
    case "unplaced":
      return {
        toWorkerId: fate.past.booked[0]?.workerId ?? "",
        reason: whyUnplaced(task, fate, now),
        exclusions: fate.exclusions.map((exclusion) => ({ ...exclusion })),
      };
    case "stays":
      return { toWorkerId: fate.workerId, reason: fate.reason };
    case "ends":
      return { reason: fate.reason };
  }
}

function riskOf({ workerId, taskCount, homeless }: Risk, { named }: Names) {
  return {
    ...{ workerId, taskCount, unplacedCount: homeless.length },
    unplaced: homeless.slice(0, HOMELESS_SHOWN).map(({ task, explanation }) => {
      return { ...named(task), reason: explanation };
    }),
  };
}
