import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { dependsOnOthers } from "../pending-order.ts";
import { wishesOf } from "../placement-wishes.ts";
import { createChooser } from "./chooser.ts";
import type { Scene } from "./scene.ts";
import type { Slices } from "./slices.ts";

/** Places what came up since the last time. For tasks that wait nothing has changed. */
export const passDue = (scene: Scene): Slices<void> =>
  passUntilSettled(scene, ({ id }) => scene.log.has(id));

/** Tries all that wait, as the scheduler does when there is more room. */
export function* passAll(scene: Scene): Slices<void> {
  for (const task of scene.pending.values()) scene.enqueue(task);
  yield* passUntilSettled(scene, () => true);
}

/**
 * Each place that is found may make one for tasks that look at others: as the scheduler does, those
 * that are meant are tried again then.
 */
function* passUntilSettled(scene: Scene, isMeant: (task: Task) => boolean): Slices<void> {
  while (yield* pass(scene)) {
    const others = [...scene.pending.values()].filter(dependsOnOthers);
    for (const task of others) if (isMeant(task)) scene.enqueue(task);
  }
}

/** Tries those that are due. Whether any got a place. */
function* pass(scene: Scene): Slices<boolean> {
  const { placer, now, pending } = scene;
  const choose = createChooser(placer);
  const tasks = scene.takeDue();
  for (const task of tasks) {
    yield;
    scene.settle(task, choose(task, wishesOf(task, now)), scene.noteOf(task.id));
  }
  return tasks.some(({ id }) => !pending.has(id));
}
