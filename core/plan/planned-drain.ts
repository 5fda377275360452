import { type DrainStep, isSingleton, MOVES_AT_ONCE, planDrain } from "../drain.ts";
import { placementOf } from "../placement-message.ts";
import { moveWishes } from "../placement-wishes.ts";
import { workerOf } from "../task-change.ts";
import { type Chooser, createChooser } from "./chooser.ts";
import { moved, stayed } from "./lives.ts";
import { close, type Occupant, release, type Scene, unplaced } from "./scene.ts";
import type { Slices } from "./slices.ts";

/** A worker that drains by a step of the plan. */
type Drain = Readonly<{ workerId: string; index: number }>;

/**
 * Drains a worker as the drain loop would, without a time limit: a few tasks at a time, in the order
 * of their IDs, each placed while it still has what it has. What found no place is tried again once
 * others have gone.
 */
export function* carryOutDrain(scene: Scene, drain: Drain): Slices<void> {
  const { placer, workers, log, closed } = scene;
  const { workerId, index } = drain;
  close(placer, workerId, "draining");
  closed.add(workerId);
  for (const { task } of workers.on(workerId)) log.touch(task, index);
  for (let isMoving = true; isMoving; ) isMoving = yield* sweep(scene, drain);
}

/** Goes over the tasks once. Whether any of them went. */
function* sweep(scene: Scene, { workerId }: Drain): Slices<boolean> {
  const { placer, workers, now } = scene;
  const occupants = new Map(workers.on(workerId).map((each) => [each.task.id, each]));
  const tasks = [...occupants.values()].map(({ task }) => task);
  const choose = createChooser(placer);
  const leaving: (() => void)[] = [];
  let goneCount = 0;
  for (const step of planDrain(tasks, { workerId, deadlineMs: undefined, now }).steps) {
    yield;
    const occupant = occupants.get(step.task.id);
    const leave = occupant && take(step, occupant, { scene, workerId, choose });
    if (!leave) continue;
    goneCount++;
    if (leaving.push(leave) < MOVES_AT_ONCE) continue;
    for (const each of leaving.splice(0)) each();
  }
  for (const each of leaving) each();
  return goneCount > 0;
}

type Place = Readonly<{ scene: Scene; workerId: string; choose: Chooser }>;

/** Begins to take a task away, and answers with how it goes. Undefined: it does not. */
function take(step: DrainStep, occupant: Occupant, place: Place): (() => void) | undefined {
  const { scene, workerId } = place;
  const { task } = step;
  switch (step.kind) {
    case "wait":
      scene.log.tell(task, { kind: "stays", workerId, reason: step.reason });
      return undefined;
    case "withdraw":
      return () => withdraw(occupant, place);
    default:
      return move(occupant, place);
  }
}

function withdraw(occupant: Occupant, { scene, workerId }: Place): void {
  const { placer, workers, log, now } = scene;
  const { task, booked } = occupant;
  release(placer, occupant, workerId);
  workers.put({ task: stayed(task, now), booked: booked.filter((b) => b.workerId !== workerId) });
  const reason = `does not move to ${workerId}`;
  log.tell(task, { kind: "stays", workerId: workerOf(task), reason });
}

function move(occupant: Occupant, { scene, workerId, choose }: Place): (() => void) | undefined {
  const { placer, workers, log, now } = scene;
  const { task, booked } = occupant;
  const choice = choose(task, moveWishes(task, now));
  const { decision, question } = choice;
  if (decision.kind === "unplaced") {
    log.tell(task, unplaced(decision, choice, booked));
    return undefined;
  }
  const { demand, scheduler } = question;
  const placement = placementOf(decision, scheduler.name, now);
  const { workerId: target, assigned } = decision;
  const note = isSingleton(task) ? "stops first, for it may never run twice" : "";
  return () => {
    release(placer, occupant, workerId);
    workers.put({
      task: moved(task, placement, now),
      booked: [{ workerId: target, demand, assigned }],
    });
    log.tell(task, { kind: "placed", placement, note });
  };
}
