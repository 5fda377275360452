import { toMillis } from "../core/time.ts";
import {
  type Attempt,
  DesiredState,
  FailureReason,
  RestartMode,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { WorkerAvailability } from "../gen/berth/v1/worker_pb.ts";
import type { Batch } from "../lib/store/store.ts";
import {
  metaKeys,
  prefixes,
  readTask,
  readText,
  readWorker,
} from "../services/manager/ledger-records.ts";

/** What is on the manager's disk, followed change by change. */
export interface LedgerMonitor {
  /** The tasks as they are on disk. */
  readonly tasks: ReadonlyMap<string, Task>;
  /** By name: names are unique in a plan. */
  byName(name: string): Task | undefined;
  /** Whether a worker takes tasks, by its settings. */
  isOpen(workerId: string): boolean;
  /** Every attempt that was ever placed: `task/number@worker`. */
  readonly placements: ReadonlySet<string>;
  /** Names of the tasks that were ever on disk. */
  readonly everStored: ReadonlySet<string>;
  /** Takes in what has just become durable. */
  take(batch: Batch): void;
}

export type Complain = (invariant: string, text: string) => void;

/** Of two versions of a task on disk. */
type Pair = Readonly<{ before: Task; after: Task }>;

export function createLedgerMonitor(
  complain: Complain,
  /** The world's own time; undefined once a calendar has been wrong. */
  nowMs: () => number | undefined,
  events: Readonly<{ onChange: (task: Task) => void; onGone: (task: Task) => void }>,
): LedgerMonitor {
  const tasks = new Map<string, Task>();
  const budget = createBudget(nowMs, complain);
  const ids = new Map<string, string>();
  const placements = new Set<string>();
  /** Workers that take no new tasks. */
  const closed = new Set<string>();
  const everStored = new Set<string>();
  let revision = 0n;
  let epoch = 0n;

  function put(after: Task): void {
    const name = after.spec?.name ?? "";
    const before = tasks.get(after.id);
    if (after.revision <= revision && before && after.revision <= before.revision)
      complain("revisions-grow", `${name} was written at ${after.revision} again`);
    const known = ids.get(name);
    if (known !== undefined && known !== after.id)
      complain("request-ids", `${name} was made twice: ${known} and ${after.id}`);
    ids.set(name, after.id);
    everStored.add(name);
    for (const attempt of authorised(after)) notePlacement(after.id, attempt);
    if (before) {
      compare({ before, after }, complain);
      budget({ before, after });
      if (nowMs() !== undefined) checkBackoff({ before, after }, complain);
    }
    tasks.set(after.id, after);
    if (after.revision > revision) revision = after.revision;
    events.onChange(after);
  }

  function notePlacement(taskId: string, { number, placement }: Attempt): void {
    if (!placement) return;
    const name = `${taskId}/${number}@${placement.workerId}`;
    if (placements.has(name)) return;
    placements.add(name);
    if (closed.has(placement.workerId))
      complain("settings-heeded", `${name} was placed on a worker that takes no tasks`);
  }

  /** Every manager begins a new epoch. */
  function checkEpoch(writes: Batch["writes"]): void {
    for (const write of writes) {
      if (write.key !== metaKeys.epoch || write.kind === "delete") continue;
      const next = BigInt(readText({ ...write, revision: 0n }) ?? 0);
      if (next <= epoch) complain("epochs-fence", `epoch ${next} begins after ${epoch}`);
      epoch = next;
    }
  }

  function remove(id: string): void {
    const task = tasks.get(id);
    if (!task) return;
    tasks.delete(id);
    events.onGone(task);
  }

  return {
    tasks,
    placements,
    everStored,
    byName: (name) => tasks.get(ids.get(name) ?? ""),
    isOpen: (workerId) => !closed.has(workerId),
    take({ writes }) {
      // Of what went to disk together nobody can tell the order, and of several settings of one
      // worker only the last is left: while they change, nothing is known to be forbidden.
      checkEpoch(writes);
      for (const [workerId] of settingsIn(writes)) closed.delete(workerId);
      for (const write of writes) {
        if (!write.key.startsWith(prefixes.task)) continue;
        if (write.kind === "put") put(readTask({ ...write, revision: 0n }));
        else remove(write.key.slice(prefixes.task.length));
      }
      for (const [workerId, isOpen] of settingsIn(writes)) if (!isOpen) closed.add(workerId);
    },
  };
}

/** The workers whose settings were written, and whether they take tasks. */
const settingsIn = (writes: Batch["writes"]): readonly (readonly [string, boolean])[] =>
  writes.flatMap((write) => {
    if (write.kind === "delete" || !write.key.startsWith(prefixes.worker)) return [];
    const [workerId, { settings }] = readWorker({ ...write, revision: 0n });
    return [[workerId, settings.availability === WorkerAvailability.ACTIVE] as const];
  });

/** The attempts that may run: the current one, and its successor while the task moves. */
export const authorised = ({ attempt, successor }: Task): readonly Attempt[] =>
  [attempt, successor].filter((each) => each !== undefined);

function compare({ before, after }: Pair, complain: Complain): void {
  const name = after.spec?.name ?? "";
  if (after.desiredState < before.desiredState)
    complain("acks-kept", `${name} is wished less than before`);
  const [was, is] = [before.attempt?.number ?? 0, after.attempt?.number ?? 0];
  if (is < was) complain("attempts-grow", `${name} went from attempt ${was} back to ${is}`);
  if (is === was) compareAttempt({ before, after }, complain);
  if (is > was) compareGenerations({ before, after }, complain);
}

const { PENDING, SCHEDULED, STARTING, RUNNING, STOPPING } = TaskState;
const { COMPLETED, STOPPED, FAILED, LOST } = TaskState;
const ENDS = [COMPLETED, STOPPED, FAILED, LOST];

/** Every move there is. Written down here once more, so that a change of the other is noticed. */
const MOVES: ReadonlyMap<TaskState, readonly TaskState[]> = new Map([
  [PENDING, [SCHEDULED, STARTING, RUNNING, STOPPING, ...ENDS]],
  [SCHEDULED, [STARTING, RUNNING, STOPPING, ...ENDS]],
  [STARTING, [RUNNING, STOPPING, ...ENDS]],
  [RUNNING, [STOPPING, ...ENDS]],
  [STOPPING, [STOPPED, FAILED, LOST]],
]);

function compareAttempt({ before, after }: Pair, complain: Complain): void {
  const what = `${after.spec?.name}/${after.attempt?.number}`;
  if (before.state !== after.state && !MOVES.get(before.state)?.includes(after.state))
    complain(
      "states-go-forward",
      `${what} went from ${TaskState[before.state]} to ${TaskState[after.state]}`,
    );
  const [was, is] = [before.attempt?.placement?.workerId, after.attempt?.placement?.workerId];
  if (was !== undefined && was !== is)
    complain("attempts-stay", `${what} went from ${was} to ${is}`);
}

/** A new attempt follows one that has ended, and only as often as the policy allows. */
function compareGenerations({ before, after }: Pair, complain: Complain): void {
  const name = after.spec?.name ?? "";
  const ended = after.pastAttempts.find(({ number }) => number === before.attempt?.number);
  const endState = ended?.status?.state ?? before.state;
  const isMove = before.successor?.number === after.attempt?.number;
  if (!isMove && ended?.placement && endState < COMPLETED)
    complain(
      "one-attempt",
      `${name} has attempt ${after.attempt?.number}, and the one before is ${TaskState[endState]}`,
    );
  if (before.desiredState !== DesiredState.RUN && !isMove)
    complain("wishes-heeded", `${name} got a new attempt though nobody wants it to run`);
  const restarts = after.restartCount - before.restartCount;
  if (restarts < 0 || restarts > 1)
    complain("restart-budget", `${name} was restarted ${restarts} times at once`);
  if (restarts === 1) checkRestart(after, ended, complain);
}

function checkRestart(task: Task, ended: Attempt | undefined, complain: Complain): void {
  const { mode, restartsMax, window } = task.spec?.restartPolicy ?? {};
  const name = task.spec?.name;
  const state = ended?.status?.state;
  const isAllowed =
    mode === RestartMode.ALWAYS ||
    mode === RestartMode.UNLESS_STOPPED ||
    (mode === RestartMode.ON_FAILURE && state !== COMPLETED);
  if (!isAllowed)
    complain("restart-policy", `${name} was restarted after ${state && TaskState[state]}`);
  if (restartsMax !== undefined && !window && task.restartCount > restartsMax)
    complain(
      "restart-budget",
      `${name} was restarted ${task.restartCount} times of ${restartsMax}`,
    );
}

/** The clocks of two machines, and what passes between a decision and the disk. */
const WINDOW_SLACK_MS = 2_000;

/** Counts restarts within the policy's window by the world's own time. */
function createBudget(nowMs: () => number | undefined, complain: Complain) {
  const times = new Map<string, readonly number[]>();
  return ({ before, after }: Pair): void => {
    const { window, restartsMax } = after.spec?.restartPolicy ?? {};
    if (!window || restartsMax === undefined || after.restartCount <= before.restartCount) return;
    const now = nowMs();
    if (now === undefined) return;
    const sinceMs = now - toMillis(window) + WINDOW_SLACK_MS;
    const within = [...(times.get(after.id) ?? []), now].filter((time) => time > sinceMs);
    times.set(after.id, within);
    if (within.length > restartsMax)
      complain(
        "restart-budget",
        `${after.spec?.name} was restarted ${within.length} times of ${restartsMax} in its window`,
      );
  };
}

/** Less than half of the first wait, which is the least that chance may make of it. */
const BACKOFF_MS_MIN = 450;

const SHORT_RUN_MS = 50_000;

/** Who fails twice in a row has to wait, and does wait. */
function checkBackoff({ before, after }: Pair, complain: Complain): void {
  const name = `${after.spec?.name}/${after.attempt?.number}`;
  const isNew = before.attempt?.number !== after.attempt?.number;
  const placeTime = after.attempt?.placement?.placeTime;
  const [last, first] = after.pastAttempts;
  if (isNew && after.restartCount > before.restartCount && last && first) {
    const nextTime = placeTime ?? after.retryTime;
    const endTime = last.status?.finishTime;
    const waitMs = nextTime && endTime ? toMillis(nextTime) - toMillis(endTime) : BACKOFF_MS_MIN;
    if (exitedEarly(last) && exitedEarly(first) && waitMs < BACKOFF_MS_MIN)
      complain("backoff", `${name} is to start ${waitMs} ms after two failures in a row`);
  }
  if (!isNew && before.state === PENDING && before.retryTime && placeTime)
    if (toMillis(placeTime) < toMillis(before.retryTime))
      complain("backoff", `${name} was placed before its wait was over`);
}

function exitedEarly({ status }: Attempt): boolean {
  const { startTime, finishTime, failure } = status ?? {};
  if (!startTime || !finishTime || failure?.reason !== FailureReason.EXITED) return false;
  return toMillis(finishTime) - toMillis(startTime) < SHORT_RUN_MS;
}
