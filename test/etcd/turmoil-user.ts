import { isTerminal } from "../../core/task-state.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import { aSpec } from "../builders.ts";
import { insist } from "./insist.ts";
import type { ManagerProcess } from "./manager-processes.ts";
import { pick } from "./turmoil.ts";

/** What somebody was told last about each task, by its ID. */
export type Wishes = Map<string, "runs" | "is stopped" | "is gone">;

type Options = Readonly<{
  name: string;
  managers: readonly ManagerProcess[];
  random: Random;
  wishes: Wishes;
}>;

/** Between two calls, at most. */
const PAUSE_MS = 30;

/** Submits, reads, stops and removes tasks, each at any of the managers, until `signal` aborts. */
export async function useManagers(options: Options, signal: AbortSignal): Promise<void> {
  const { name, managers, random, wishes } = options;
  const own: string[] = [];
  const any = () => pick(managers, random).client;

  async function submit(serial: number): Promise<void> {
    const spec = aSpec({}, `${name}-${serial}`);
    const requestId = `submit-${name}-${serial}`;
    const { task } = await insist(() => any().submitTask({ spec, requestId }));
    own.push(task?.id ?? "");
    wishes.set(task?.id ?? "", "runs");
  }

  async function stop(taskId: string): Promise<void> {
    await insist(() => any().stopTask({ taskId, requestId: `stop-${taskId}` }));
    wishes.set(taskId, "is stopped");
  }

  async function remove(taskId: string): Promise<void> {
    own.splice(own.indexOf(taskId), 1);
    await insist(() => any().removeTask({ taskId, force: true, requestId: `remove-${taskId}` }));
    wishes.set(taskId, "is gone");
  }

  // Whoever was told of a task finds it everywhere: NOT_FOUND is no weather, and fails the test.
  const read = (taskId: string) => insist(() => any().getTask({ taskId }));

  for (let serial = 0; !signal.aborted; serial++) {
    await submit(serial);
    await pick([stop, remove, read, read, read], random)(pick(own, random));
    await systemClock.sleep(random() * PAUSE_MS);
    if (own.length === 0) continue;
    await read(pick(own, random));
  }
}

/** What of all that was acknowledged is not so. */
export function complaintsOf(wishes: Wishes, tasks: readonly Task[]): readonly string[] {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const unknown = tasks.filter(({ id }) => !wishes.has(id));
  const broken = [...wishes].filter(([id, wish]) => !isGranted(wish, byId.get(id)));
  return [
    ...unknown.map(({ id }) => `${id} was acknowledged to nobody`),
    ...broken.map(([id, wish]) => `${id} ${wish}: it does not`),
  ];
}

function isGranted(wish: "runs" | "is stopped" | "is gone", task: Task | undefined): boolean {
  if (wish === "is gone" || !task) return wish === "is gone" && !task;
  // A second attempt would be a container that was started twice.
  if (wish === "runs") return task.state === TaskState.RUNNING && task.attempt?.number === 1;
  return isTerminal(task.state) && (task.attempt?.number ?? 1) === 1;
}
