import { OnDisconnect, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { liveOn } from "../live-attempts.ts";
import { outlookOf, seconds } from "../outlook.ts";
import { byPriority, dependsOnOthers } from "../pending-order.ts";
import type { Placer } from "../placement/place.ts";
import { wishesOf } from "../placement-wishes.ts";
import { retryMs } from "../restart.ts";
import { currentAttempt, type TaskChange, workerOf } from "../task-change.ts";
import { isTerminal } from "../task-state.ts";
import { lossMs } from "../worker-loss.ts";
import { type Choice, createChooser } from "./chooser.ts";
import type { Fate } from "./fate.ts";
import { lost } from "./lives.ts";
import { close, type Occupant, release, type Scene } from "./scene.ts";
import type { Slices } from "./slices.ts";

/** A worker that is lost, and who is on it. */
export type Loss = Readonly<{ workerId: string; occupants: readonly Occupant[]; now: number }>;

/** What the loss of a worker makes of a task. */
export type Outcome =
  /** It needs another place. `task` is what it is then. */
  | Readonly<{ kind: "homeless"; occupant: Occupant; task: Task; choice: Choice }>
  /** It goes on as it is, or elsewhere, where it has an attempt already. */
  | Readonly<{ kind: "stays"; occupant: Occupant; task: Task }>
  | Readonly<{ kind: "ends"; occupant: Occupant; reason: string }>;

/**
 * Loses a worker as the manager would: its tasks are tried elsewhere before what they had there is
 * given back, and those that look at others again after that. Leaves the worker empty and not
 * ready, and books what was found.
 */
export function* loseWorker(placer: Placer, loss: Loss): Slices<readonly Outcome[]> {
  const { workerId, occupants, now } = loss;
  close(placer, workerId, "down");
  const changes = new Map<Occupant, TaskChange>();
  for (const occupant of occupants) {
    yield;
    const change = lost(occupant.task, workerId, now);
    if (change) changes.set(occupant, change);
  }
  const homeless = [...changes].flatMap(([{ task }, change]) => nextOf(task, change));
  const choices = new Map<string, Choice>();
  const choose = function* (tasks: readonly Task[]): Slices<void> {
    const decide = createChooser(placer);
    for (const task of tasks) {
      yield;
      choices.set(task.id, decide(task, wishesOf(task, now)));
    }
  };
  yield* choose(homeless.sort(byPriority));
  for (const occupant of occupants) release(placer, occupant, workerId);
  const isUnplaced = ({ id }: Task) => choices.get(id)?.decision.kind === "unplaced";
  let left = homeless.filter((task) => dependsOnOthers(task) && isUnplaced(task));
  for (let isFound = true; isFound && left.length > 0; ) {
    const before = left.length;
    yield* choose(left);
    left = left.filter(isUnplaced);
    isFound = left.length < before;
  }
  return occupants.map((occupant) =>
    outcomeFor(occupant, { now, change: changes.get(occupant), choices }),
  );
}

/** The task that needs another place, if it needs one that did not before. */
const nextOf = (before: Task, { kind, task }: TaskChange): readonly Task[] =>
  kind === "written" && task.state === TaskState.PENDING && before.state !== TaskState.PENDING
    ? [task]
    : [];

type Found = Readonly<{
  change: TaskChange | undefined;
  choices: ReadonlyMap<string, Choice>;
  now: number;
}>;

function outcomeFor(occupant: Occupant, { change, choices, now }: Found): Outcome {
  const task = change?.task ?? occupant.task;
  const choice = choices.get(task.id);
  if (choice) return { kind: "homeless", occupant, task, choice };
  if (change?.kind === "removed") return { kind: "ends", occupant, reason: "it is being removed" };
  if (isTerminal(task.state)) return { kind: "ends", occupant, reason: outlookOf(task, now) };
  return { kind: "stays", occupant, task };
}

/** A step that is about a worker. */
type WorkerStep = Readonly<{ workerId: string; index: number }>;

/** Loses a worker in a scene, and tells what becomes of its tasks. */
export function* carryOutLoss(scene: Scene, { workerId, index }: WorkerStep): Slices<void> {
  const { placer, workers, log, now, closed } = scene;
  closed.add(workerId);
  const occupants = workers.on(workerId);
  for (const outcome of yield* loseWorker(placer, { workerId, occupants, now })) {
    const { task } = outcome.occupant;
    // Of a container that has yet to stop nobody asks what becomes.
    const isToldOf = liveOn(task, workerId).some(({ role }) => role !== "past");
    if (isToldOf) log.touch(task, index);
    const fate = take(outcome, scene, workerId);
    if (isToldOf && fate) log.tell(task, fate);
  }
}

/** Undefined: the scene has told the fate. */
function take(outcome: Outcome, scene: Scene, workerId: string): Fate | undefined {
  const { workers, now } = scene;
  const { task, booked } = outcome.occupant;
  workers.remove(task.id);
  switch (outcome.kind) {
    case "ends":
      return outcome;
    case "stays":
      workers.put({ task: outcome.task, booked: booked.filter((b) => b.workerId !== workerId) });
      return staying(task, outcome.task);
    case "homeless":
      scene.settle(outcome.task, outcome.choice, noteFor(outcome.task, now));
      return undefined;
  }
}

function staying(before: Task, after: Task): Fate {
  const number = currentAttempt(after).number;
  const isOther = number !== currentAttempt(before).number;
  const reason = isOther ? `attempt ${number} takes over` : "does not move";
  return { kind: "stays", workerId: workerOf(after), reason };
}

/** What a lost task has to wait for before its next attempt begins. */
function noteFor(task: Task, now: number): string {
  if (task.spec?.onDisconnect === OnDisconnect.STOP)
    return `${seconds(lossMs(task, 0))} after the loss, for it may never run twice`;
  const delayMs = retryMs(task, now) - now;
  return delayMs > 0 ? `in ${seconds(delayMs)}, for it failed before` : "";
}
