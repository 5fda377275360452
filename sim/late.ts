import { toMillis } from "../core/time.ts";
import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { hasRoom } from "./audit-load.ts";
import type { LedgerMonitor } from "./ledger-monitor.ts";
import { EPOCH_MS } from "./virtual-clock.ts";
import { isOutOfReach } from "./well-since.ts";
import type { World } from "./world.ts";

/** What is due with a task on a worker. */
export type Late = Readonly<{ what: string; workerId: string }>;

/** What is late with a task until it is said to be lost. */
export const GONE = "is on a worker that is gone";

/** What is late with a task that waits though there is room. */
export const UNPLACED = "is not placed, and there is room";

type Deps = Readonly<{ world: World; ledger: LedgerMonitor }>;

/** What is due with a task, right or wrong: how long it may be due is another question. */
export function lateIn(task: Task, { world, ledger }: Deps): readonly Late[] {
  if (isWaiting(task, world))
    return [...world.machines.keys()]
      .filter((workerId) => hasRoom(workerId, task, ledger))
      .map((workerId) => ({ what: UNPLACED, workerId }));
  if (!isPlaced(task)) return [];
  const workerId = task.attempt?.placement?.workerId ?? "";
  const what = whatIsLate(task, workerId, world);
  return what === undefined ? [] : [{ what, workerId }];
}

/** Whether a task waits for room and for nothing else, as far as calendars can tell. */
function isWaiting({ state, desiredState, retryTime }: Task, world: World): boolean {
  if (state !== TaskState.PENDING || desiredState !== DesiredState.RUN) return false;
  const retryMs = retryTime ? toMillis(retryTime) : 0;
  return world.misdated.size === 0 && retryMs <= EPOCH_MS + world.time.elapsedMs();
}

const isPlaced = ({ state }: Task): boolean =>
  state >= TaskState.SCHEDULED && state < TaskState.COMPLETED;

function whatIsLate(task: Task, workerId: string, world: World): string | undefined {
  if (isOutOfReach(world, workerId)) return GONE;
  if (hasExited(task, world)) return "has ended and is not said to have";
  if (isToStop(task)) return "is not stopped";
  return task.state === TaskState.SCHEDULED ? "is not taken" : undefined;
}

function hasExited({ attempt }: Task, { machines }: World): boolean {
  const { status, placement } = attempt ?? {};
  const containers = machines.get(placement?.workerId ?? "")?.engine.containers;
  return containers?.get(status?.containerId ?? "")?.state.kind === "exited";
}

const isToStop = ({ desiredState, state }: Task): boolean =>
  desiredState >= DesiredState.STOP && state < TaskState.STOPPING;
