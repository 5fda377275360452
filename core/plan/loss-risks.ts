import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { whyUnplaced } from "../pending-order.ts";
import type { Placer } from "../placement/place.ts";
import { schedulers } from "../placement/schedulers.ts";
import { loseWorker, type Outcome } from "./planned-loss.ts";
import type { Scene } from "./scene.ts";
import type { Slices } from "./slices.ts";

/** A worker whose loss would leave tasks without a place. */
export type Risk = Readonly<{
  workerId: string;
  /** Tasks with an attempt there. */
  taskCount: number;
  /** Those of them that no other worker could take. */
  homeless: readonly Homeless[];
}>;

export type Homeless = Readonly<{ task: Task; explanation: string }>;

export type Risks = Readonly<{
  /** The worst first. Empty: every worker may be lost. */
  risks: readonly Risk[];
  /** Workers that were looked at: those that are ready and have tasks. */
  workerCount: number;
}>;

/** Which single worker's loss would leave tasks without a place. Changes nothing in the scene. */
export function* findRisks(scene: Scene): Slices<Risks> {
  const ready = scene.workers.ids().filter((id) => scene.placer.candidate(id)?.ready);
  const risks: Risk[] = [];
  for (const workerId of ready) {
    yield;
    const risk = yield* tryLoss(workerId, scene);
    if (risk.homeless.length > 0) risks.push(risk);
  }
  return {
    risks: risks.sort((a, b) => b.homeless.length - a.homeless.length),
    workerCount: ready.length,
  };
}

function* tryLoss(workerId: string, scene: Scene): Slices<Risk> {
  const { workers, now } = scene;
  const occupants = workers.on(workerId);
  const isInTurns = occupants.some(({ task }) => takesTurns(task));
  // A placement uses up a turn, which cannot be given back; all else can.
  const placer = isInTurns ? scene.placer.fork() : scene.placer;
  const before = placer.candidate(workerId);
  const outcomes = yield* loseWorker(placer, { workerId, occupants, now });
  undo(outcomes, placer);
  if (before) placer.update(before);
  const homeless = outcomes.flatMap((outcome) => homelessIn(outcome, now));
  return { workerId, taskCount: occupants.length, homeless };
}

const takesTurns = ({ spec }: Task): boolean =>
  schedulers.get(spec?.scheduler ?? "")?.takesTurns === true;

function undo(outcomes: readonly Outcome[], placer: Placer): void {
  for (const outcome of outcomes) {
    if (outcome.kind !== "homeless" || outcome.choice.decision.kind === "unplaced") continue;
    const { decision, question } = outcome.choice;
    placer.release(decision.workerId, question.demand, decision.assigned);
  }
}

function homelessIn(outcome: Outcome, now: number): readonly Homeless[] {
  if (outcome.kind !== "homeless") return [];
  const { task, choice } = outcome;
  const { decision } = choice;
  return decision.kind === "placed"
    ? []
    : [{ task, explanation: whyUnplaced(task, decision, now) }];
}
