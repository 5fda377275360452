import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { unreachable } from "../../lib/assert.ts";
import { askKey } from "../pass-placer.ts";
import type { Facts } from "../placement/candidate.ts";
import { type Aids, findRemedy, type Remedy } from "../placement/remedy.ts";
import type { Fate, PlannedTask } from "./fate.ts";
import { findRisks, type Risks } from "./loss-risks.ts";
import { passAll, passDue } from "./passes.ts";
import { carryOutDrain } from "./planned-drain.ts";
import { carryOutLoss } from "./planned-loss.ts";
import { createScene, type Scene, type Snapshot } from "./scene.ts";
import type { Slices } from "./slices.ts";

/** Something that might happen. `index` is what it is called by in the plan. */
export type Step =
  /** A task is submitted, with its ID and all defaults. */
  | Readonly<{ kind: "submit"; index: number; task: Task }>
  | Readonly<{ kind: "add"; index: number; worker: Facts }>
  /** Of a worker that is there. */
  | Readonly<{ kind: "drain"; index: number; workerId: string }>
  | Readonly<{ kind: "lose"; index: number; workerId: string }>;

export type Plan = Readonly<{
  /** Tasks that a step does something about, and those that got a place for which they waited. */
  tasks: readonly PlannedTask[];
  /** What would help tasks without a place, by their IDs; of the first few different ones. */
  remedies: ReadonlyMap<string, Remedy>;
  /** Tasks that waited for a place before, and still do. */
  waitingCount: number;
  /** Undefined where nobody asked. */
  risks: Risks | undefined;
}>;

type Wanted = Readonly<{
  steps: readonly Step[];
  /** Whether to ask, at the end, whose loss would leave tasks without a place. */
  withRisks: boolean;
  /** To look for what would help tasks without a place. Undefined: nobody asks. */
  aids?: Aids;
}>;

/**
 * What would happen if the steps were taken one after another: what the scheduler and the drain loop
 * would decide, by their own functions, on a snapshot that is the plan's own. Tasks that are
 * submitted one after another are there at once, and so are workers that are added. Workers do as
 * they are told: what is placed runs, what is moved takes over. Nothing else happens meanwhile.
 */
export function* makePlan(snapshot: Snapshot, { steps, withRisks, aids }: Wanted): Slices<Plan> {
  const scene = createScene(snapshot);
  yield* passDue(scene);
  for (const [at, step] of steps.entries()) {
    yield* carryOut(step, scene);
    if (steps[at + 1]?.kind !== step.kind || isAboutWorker(step)) yield* settleAfter(step, scene);
  }
  const risks = withRisks ? yield* findRisks(scene) : undefined;
  const tasks = scene.log.all();
  const told = new Set(tasks.map(({ task }) => task.id));
  const waitingCount = [...scene.pending.keys()].filter((id) => !told.has(id)).length;
  return { tasks, remedies: yield* findRemedies(tasks, scene, aids), waitingCount, risks };
}

function* carryOut(step: Step, scene: Scene): Slices<void> {
  switch (step.kind) {
    case "submit":
      scene.log.touch(step.task, step.index);
      return scene.enqueue(step.task);
    case "add":
      scene.placer.observe(step.worker);
      return;
    case "drain":
      return yield* carryOutDrain(scene, step);
    case "lose":
      return yield* carryOutLoss(scene, step);
    default:
      return unreachable(step);
  }
}

const isAboutWorker = ({ kind }: Step): boolean => kind === "drain" || kind === "lose";

/** Tasks that come up are tried alone: for those that wait nothing has changed. */
const settleAfter = (step: Step, scene: Scene): Slices<void> =>
  step.kind === "submit" ? passDue(scene) : passAll(scene);

/** Different demands for which a remedy is looked for: each costs a few looks at all workers. */
const REMEDIES_MAX = 20;

function* findRemedies(
  tasks: readonly PlannedTask[],
  scene: Scene,
  aids: Aids | undefined,
): Slices<ReadonlyMap<string, Remedy>> {
  const remedies = new Map<string, Remedy>();
  if (aids === undefined) return remedies;
  const byDemand = new Map<string, Remedy | undefined>();
  for (const { task, fate } of tasks) {
    if (fate.kind !== "unplaced") continue;
    const key = askKey({ ...fate.question, wishes: fate.past.wishes });
    if (!byDemand.has(key) && byDemand.size < REMEDIES_MAX) {
      yield;
      byDemand.set(key, remedyFor(fate, scene, aids));
    }
    const remedy = byDemand.get(key);
    if (remedy) remedies.set(task.id, remedy);
  }
  return remedies;
}

type Unplaced = Extract<Fate, { kind: "unplaced" }>;

function remedyFor({ question, past }: Unplaced, { placer, closed }: Scene, aids: Aids) {
  const appraisals = placer
    .explain(question.demand, question.scheduler, past)
    .filter(({ candidate }) => !closed.has(candidate.workerId));
  return findRemedy(appraisals, question, aids);
}
