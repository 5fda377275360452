import { currentAttempt, workerOf } from "../../core/task-change.ts";
import { canMove, isPlaced, isTerminal, stateName } from "../../core/task-state.ts";
import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import { DesiredState, RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { type Worker, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { behaviourOfImage } from "../../services/worker/fake-runtime-behaviour.ts";
import type { FakeContainer } from "../../services/worker/fake-runtime-engine.ts";
import type { Wish } from "./user.ts";

/** What must be true of a task once nothing more happens to it. Empty when it is. */
export function complaintsAboutTask(wish: Wish, task: Task | undefined): string[] {
  const { taskId, desired } = wish;
  if (desired === DesiredState.REMOVE) return task ? [`${taskId} was removed and is there`] : [];
  if (!task) return [`${taskId} is gone`];
  const state = stateName(task.state);
  const found = isTerminal(task.state) ? complaintsAboutEnd(wish, task) : [];
  if (desired === DesiredState.STOP && !isTerminal(task.state))
    found.push(`${taskId} was stopped and is ${state}`);
  const script = behaviourOfImage(wish.image);
  if (task.state === TaskState.RUNNING && script.exitAfterMs !== undefined)
    found.push(`${taskId} of ${wish.image} has not ended`);
  if (desired === DesiredState.RUN && !isTerminal(task.state) && task.state !== TaskState.RUNNING)
    found.push(`${taskId} should run and is ${state}: ${task.waitingReason}`);
  if (desired === DesiredState.RUN && task.state === TaskState.STOPPED)
    found.push(`${taskId} was stopped by nobody`);
  return found;
}

/** Whether a task ended as its image's script has it. */
function complaintsAboutEnd({ taskId, isTampered }: Wish, task: Task): string[] {
  if (isTampered || task.state === TaskState.STOPPED) return [];
  const { image = "", restartPolicy } = task.spec ?? {};
  const script = behaviourOfImage(image);
  const found: string[] = [];
  const runsForEver =
    script.exitAfterMs === undefined && script.image !== "missing" && !script.startFailure;
  const { status } = currentAttempt(task);
  const end = `${stateName(task.state)}, ${status?.failure?.message ?? status?.message}`;
  if (runsForEver) found.push(`${taskId} ended though ${image} never does: ${end}`);
  if (
    (task.state === TaskState.COMPLETED) !==
    (script.exitAfterMs !== undefined && !script.exitCode)
  )
    found.push(`${taskId} of ${image} ended wrongly: ${end}`);
  if (script.exitAfterMs !== undefined && status?.exitCode !== script.exitCode)
    found.push(`${taskId} of ${image} ended with exit code ${status?.exitCode}`);
  const isRetried =
    restartPolicy?.mode === RestartMode.ALWAYS ||
    (restartPolicy?.mode === RestartMode.ON_FAILURE && task.state !== TaskState.COMPLETED);
  const restarts = isRetried ? restartPolicy?.restartsMax : 0;
  if (task.desiredState === DesiredState.RUN && restarts !== task.restartCount)
    found.push(`${taskId} of ${image} was restarted ${task.restartCount} times, not ${restarts}`);
  return found;
}

/** Every container is needed by a task, and every running task has one. */
export function complaintsAboutContainers(
  workerId: string,
  containers: Iterable<FakeContainer>,
  tasks: ReadonlyMap<string, Task>,
): string[] {
  const found: string[] = [];
  const serving = new Set<string>();
  for (const { key, state } of containers) {
    const task = tasks.get(key.taskId);
    const what = `container ${key.taskId}/${key.attempt} (${state.kind}) on ${workerId}`;
    const isCurrent = task?.attempt?.number === key.attempt && workerOf(task) === workerId;
    if (serving.has(key.taskId) && state.kind === "running") found.push(`${what}: a second one`);
    if (state.kind === "running") serving.add(key.taskId);
    if (!task) found.push(`${what}: its task is gone`);
    else if (state.kind !== "exited" && !(isCurrent && task.state === TaskState.RUNNING))
      found.push(`${what}: its task is ${stateName(task.state)} in ${task.attempt?.number}`);
    else if (task.desiredState !== DesiredState.RUN) found.push(`${what}: nobody wants it`);
  }
  for (const task of tasks.values())
    if (task.state === TaskState.RUNNING && workerOf(task) === workerId && !serving.has(task.id))
      found.push(`${task.id} is running on ${workerId} and has no container`);
  return found;
}

/**
 * No attempt ever ran twice. Somebody who removes a container before its worker has told of it
 * leaves no trace of that attempt anywhere: it may begin once more.
 */
export function complaintsAboutStarts(
  everMade: readonly FakeContainer[],
  isTampered: (taskId: string) => boolean,
): string[] {
  const starts = new Map<string, number>();
  for (const { id, key, startCount } of everMade) {
    const attempt = `${key.taskId}/${key.attempt}`;
    const what = isTampered(key.taskId) ? `${attempt} (${id})` : attempt;
    starts.set(what, (starts.get(what) ?? 0) + startCount);
  }
  return [...starts].flatMap(([what, count]) =>
    count > 1 ? [`${what} was started ${count} times`] : [],
  );
}

/** A worker is up, and the manager counts on it what runs there. */
export function complaintsAboutWorker(worker: Worker, tasks: Iterable<Task>): string[] {
  const placed = [...tasks].filter((task) => isPlaced(task.state) && workerOf(task) === worker.id);
  const cpuMillis = placed.reduce(
    (sum, { spec }) => sum + (spec?.reservation?.cpuMillis ?? 0n),
    0n,
  );
  const { allocation, presence, linked } = worker;
  const found: string[] = [];
  if (presence?.state !== WorkerState.UP || !linked)
    found.push(`${worker.id} is not up and linked`);
  if (allocation?.taskCount !== placed.length || allocation.reserved?.cpuMillis !== cpuMillis)
    found.push(`${worker.id} has ${placed.length} tasks of ${cpuMillis}m, and is said to have \
${allocation?.taskCount} of ${allocation?.reserved?.cpuMillis}m`);
  return found;
}

/** The events of one task tell a life that goes forward. */
export function complaintsAboutEvents(events: readonly TaskEvent[]): string[] {
  return events.flatMap((event, index) => {
    const before = events[index - 1];
    const what = `event ${event.revision} of ${event.taskId}`;
    if (!before) return [];
    const found: string[] = [];
    if (event.fromState !== before.toState) found.push(`${what}: does not follow the one before`);
    if (event.desiredState < before.desiredState) found.push(`${what}: is wished less`);
    if (!isStep(before, event)) found.push(`${what}: ${before.toState} → ${event.toState}`);
    return found;
  });
}

/**
 * A move within an attempt, the beginning of the next after the end of one, or a successor that
 * takes over.
 */
function isStep(before: TaskEvent, event: TaskEvent): boolean {
  if (event.attempt === before.attempt)
    return event.toState === before.toState || canMove(before.toState, event.toState);
  if (event.attempt < before.attempt) return false;
  return event.toState === TaskState.PENDING ? isTerminal(before.toState) : isPlaced(event.toState);
}
