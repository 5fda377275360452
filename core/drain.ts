import { OnDisconnect, RestartMode, type Task } from "../gen/berth/v1/task_pb.ts";
import { type KnownAttempt, liveOn } from "./live-attempts.ts";
import { retryMoveMs, whyNotMovable } from "./move.ts";
import { stateName } from "./task-state.ts";

/** A task that holds a drain or a rebalance up, and what it waits for. */
export type Block = Readonly<{ taskId: string; reason: string }>;

/** What a drain does next about one task. */
export type DrainStep =
  /** A successor is due, if a worker can take it. */
  | Readonly<{ kind: "move"; task: Task }>
  /** It may never run twice: it is stopped, if another worker can take it then. */
  | Readonly<{ kind: "leave"; task: Task }>
  /** Time is up: it is stopped, whether another worker can take it or not. */
  | Readonly<{ kind: "evict"; task: Task }>
  /** Time is up: its successor takes over as it is. */
  | Readonly<{ kind: "hasten"; task: Task }>
  /** It was on its way to the draining worker. */
  | Readonly<{ kind: "withdraw"; task: Task }>
  | Readonly<{ kind: "wait"; task: Task; reason: string }>;

export type DrainPlan = Readonly<{
  /** One for each task on the worker, in the order of the tasks. */
  steps: readonly DrainStep[];
  /** Moves under way, those whose old container has yet to stop included. */
  movingCount: number;
  /** When there is something to do though nothing happens. Infinity: never. */
  nextMs: number;
}>;

/** A draining worker. Times are in milliseconds since the Unix epoch. */
export type Draining = Readonly<{ workerId: string; deadlineMs: number | undefined; now: number }>;

/** How many tasks leave one draining worker at a time: those that are left notice nothing. */
export const MOVES_AT_ONCE = 5;

/**
 * What a drain does next. The same tasks at the same time give the same plan, so a manager that
 * restarts goes on where the one before was.
 */
export function planDrain(tasks: Iterable<Task>, draining: Draining): DrainPlan {
  const { workerId, deadlineMs = Number.POSITIVE_INFINITY, now } = draining;
  const placed = [...tasks].sort((a, b) => (a.id < b.id ? -1 : 1));
  const steps = placed.flatMap((task) => {
    const [known] = liveOn(task, workerId);
    return known ? [stepFor(task, known, { now, isLate: now >= deadlineMs })] : [];
  });
  const times = [deadlineMs, ...placed.map(retryMoveMs)].filter((time) => time > now);
  return {
    steps,
    movingCount: placed.filter((task) => isOnItsWay(task, workerId)).length,
    nextMs: Math.min(Number.POSITIVE_INFINITY, ...times),
  };
}

type Hour = Readonly<{ now: number; isLate: boolean }>;

function stepFor(task: Task, known: KnownAttempt, { now, isLate }: Hour): DrainStep {
  if (known.role === "successor") return { kind: "withdraw", task };
  const waits = (reason: string): DrainStep => ({ kind: "wait", task, reason });
  if (known.role === "past") return waits(`attempt ${known.number} is still being stopped`);
  const obstacle = whyNotMovable(task);
  if (obstacle !== undefined)
    return task.successor && isLate ? { kind: "hasten", task } : waits(describe(task, obstacle));
  if (isLate) return { kind: "evict", task };
  if (task.spec?.restartPolicy?.mode === RestartMode.NO) return waits("ends by itself");
  if (isSingleton(task)) return { kind: "leave", task };
  if (retryMoveMs(task) > now)
    return waits("was not taken in elsewhere, is tried again in a while");
  return { kind: "move", task };
}

/** Whether two of the task must never run at once, so that it has to stop before it starts again. */
export const isSingleton = ({ spec }: Task): boolean => spec?.onDisconnect === OnDisconnect.STOP;

function describe({ successor }: Task, obstacle: string): string {
  if (!successor) return obstacle;
  const state = successor.status ? stateName(successor.status.state) : "scheduled";
  return `${obstacle}: attempt ${successor.number} is ${state}`;
}

function isOnItsWay(task: Task, workerId: string): boolean {
  const onWorker = liveOn(task, workerId);
  return onWorker.some(
    (known) =>
      known.role === "past" ||
      (known.role === "current" && (task.successor || known.attempt.leaveReason !== "")),
  );
}
