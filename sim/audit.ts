import { toMillis } from "../core/time.ts";
import {
  type Attempt,
  DesiredState,
  FailureReason,
  RestartMode,
  type Task,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { behaviourOfImage } from "../services/worker/fake-runtime-behaviour.ts";
import type { FakeContainer } from "../services/worker/fake-runtime-engine.ts";
import { authorised, type LedgerMonitor } from "./ledger-monitor.ts";
import type { Users, Wish } from "./users.ts";
import { STRANGER } from "./worker-machine.ts";
import type { World } from "./world.ts";

/** Who took part, and what was seen. */
export type Witnesses = Readonly<{ world: World; users: Users; ledger: LedgerMonitor }>;

const isOver = (state: TaskState): boolean => state >= TaskState.COMPLETED;

const nameOf = (state: TaskState): string => TaskState[state]?.toLowerCase() ?? "unknown";

/** What is not as it must be once nothing is broken and nothing more is asked for. */
export function audit(witnesses: Witnesses): string[] {
  const { world, users, ledger } = witnesses;
  return [
    ...(users.pendingCount() > 0 ? [`${users.pendingCount()} calls have no answer`] : []),
    ...[...users.wishes.values()].flatMap((wish) => auditTask(wish, witnesses)),
    ...[...ledger.tasks.values()].flatMap((task) => auditPhantom(task, world)),
    ...[...world.machines.keys()].flatMap((workerId) => auditContainers(workerId, witnesses)),
  ];
}

function auditTask(wish: Wish, witnesses: Witnesses): string[] {
  const { world, ledger } = witnesses;
  const { name, asked } = wish;
  const task = ledger.byName(name);
  const isGone = asked === DesiredState.REMOVE;
  if (!task) return isGone || wish.mayBeRemoved ? [] : [`${name} is gone`];
  if (isGone) return [`${name} was removed and is there`];
  const found: string[] = [];
  const state = nameOf(task.state);
  if (asked === DesiredState.STOP && !isOver(task.state))
    found.push(`${name} was stopped and is ${state}`);
  if (asked !== DesiredState.RUN) return found;
  if (task.state === TaskState.STOPPED) found.push(`${name} was stopped by nobody`);
  if (isOver(task.state)) return isExcused(task, world) ? found : [...found, ...auditEnd(task)];
  return [...found, ...auditWanted(task, name), ...auditPending(task, witnesses)];
}

const auditPending = (task: Task, witnesses: Witnesses): string[] =>
  task.state === TaskState.PENDING ? auditWait(task, witnesses) : [];

/** What should run does, or waits for a place. */
function auditWanted(task: Task, name: string): string[] {
  const found: string[] = [];
  const { exitAfterMs } = behaviourOfImage(task.spec?.image ?? "");
  if (task.successor) found.push(`${name} still moves`);
  if (task.state === TaskState.RUNNING && !task.attempt?.status?.ready)
    found.push(`${name} runs and is not ready: ${task.attempt?.status?.probeMessage}`);
  if (task.state === TaskState.RUNNING && (exitAfterMs !== undefined || isDoomed(task)))
    found.push(`${name} of ${task.spec?.image} has not ended`);
  if (task.state !== TaskState.RUNNING && task.state !== TaskState.PENDING)
    found.push(`${name} should run and is ${nameOf(task.state)}: ${task.waitingReason}`);
  return found;
}

/** Whether somebody else had a hand in how a task ended. */
function isExcused({ spec, attempt, pastAttempts }: Task, world: World): boolean {
  if (world.tampered.has(spec?.name ?? "")) return true;
  const attempts = attempt ? [attempt, ...pastAttempts] : [];
  return attempts.some(({ status, placement }) => {
    const workerId = placement?.workerId ?? "";
    // The probes of fake containers go by the calendar.
    const isMisjudged = status?.failure?.reason === FailureReason.UNHEALTHY;
    return world.cloned.has(workerId) || (isMisjudged && world.misdated.has(workerId));
  });
}

/** Whether a task ended as its image's script and its policy have it. */
function auditEnd(task: Task): string[] {
  const { name = "", image = "", restartPolicy } = task.spec ?? {};
  const script = behaviourOfImage(image);
  const status = task.attempt?.status;
  const what = `${name} of ${image} ended ${nameOf(task.state)}: ${status?.failure?.message}`;
  if (status?.failure?.reason === FailureReason.UNPLACEABLE && task.spec?.placementTimeout)
    return [];
  // Cut off, whether by the manager's account or by the worker's: no script tells of that.
  if (task.state === TaskState.LOST) return [];
  if (status?.failure?.reason === FailureReason.DISCONNECTED) return [];
  const found: string[] = [];
  const fails = isDoomed(task) || isSlowToCome(task);
  if (script.exitAfterMs === undefined && !fails) found.push(`${what}, which it never does`);
  const isClean = script.exitAfterMs !== undefined && script.exitCode === 0;
  if ((task.state === TaskState.COMPLETED) !== isClean) found.push(what);
  if (script.exitAfterMs !== undefined && status?.exitCode !== script.exitCode)
    found.push(`${what}, with exit code ${status?.exitCode}`);
  const wantsMore =
    restartPolicy?.mode === RestartMode.ALWAYS ||
    restartPolicy?.mode === RestartMode.UNLESS_STOPPED ||
    (restartPolicy?.mode === RestartMode.ON_FAILURE && task.state !== TaskState.COMPLETED);
  if (wantsMore && !restartPolicy?.window && task.restartCount !== restartPolicy?.restartsMax)
    found.push(`${what} after ${task.restartCount} restarts of ${restartPolicy?.restartsMax}`);
  return found;
}

/** Whether a task can only fail, and not by an exit of its own. */
function isDoomed({ spec }: Task): boolean {
  const script = behaviourOfImage(spec?.image ?? "");
  const isSick = spec?.livenessProbe && (script.isDeaf || script.unhealthyAfterMs < 1e9);
  const isOut = script.image === "missing" || script.image === "unreachable";
  return Boolean(isOut || script.startFailure || isSick);
}

/** Whether its image takes longer than its pull may: on a worker that freezes it may still come. */
const isSlowToCome = ({ spec }: Task): boolean =>
  spec?.pullTimeout !== undefined &&
  toMillis(spec.pullTimeout) < behaviourOfImage(spec.image).pullMs;

/** A task may wait only for room, and only if there is none. */
function auditWait(task: Task, { world, users, ledger }: Witnesses): string[] {
  const nowMs = users.clock.now();
  const name = task.spec?.name;
  if (task.waitingReason === "") return [`${name} waits and does not say for what`];
  const retryMs = task.retryTime ? toMillis(task.retryTime) : 0;
  if (retryMs > nowMs) return [`${name} waits to be retried: ${task.waitingReason}`];
  const roomy = [...world.machines.keys()].filter((workerId) => hasRoom(workerId, task, ledger));
  return roomy.length === 0 ? [] : [`${name} waits (${task.waitingReason}), and ${roomy} has room`];
}

/** What the fake machine offers. */
const CPU_MILLIS = 4_000n;
const MEMORY_BYTES = 8n * 2n ** 30n;

/** The attempts that occupy a worker, each with its task. */
const placedOn = (workerId: string, ledger: LedgerMonitor): readonly [Task, Attempt][] =>
  [...ledger.tasks.values()].flatMap((task) =>
    [...authorised(task), ...task.pastAttempts]
      .filter(({ placement }) => placement?.workerId === workerId)
      .filter((attempt) => !isOver(attempt === task.attempt ? task.state : stateOf(attempt)))
      .map((attempt): [Task, Attempt] => [task, attempt]),
  );

const stateOf = ({ status }: Attempt): TaskState => status?.state ?? TaskState.SCHEDULED;

export function load(workerId: string, ledger: LedgerMonitor) {
  const tasks = placedOn(workerId, ledger).map(([task]) => task);
  const sum = (of: (task: Task) => bigint | undefined) =>
    tasks.reduce((total, task) => total + (of(task) ?? 0n), 0n);
  return {
    taskCount: tasks.length,
    cpuMillis: sum(({ spec }) => spec?.reservation?.cpuMillis),
    memoryBytes: sum(({ spec }) => spec?.reservation?.memoryBytes),
    ports: tasks.flatMap(({ spec }) => spec?.ports.map(({ hostPort }) => hostPort) ?? []),
  };
}

/** What is promised of a worker beyond what it has. */
export function auditLoad(workerId: string, ledger: LedgerMonitor): string[] {
  const { cpuMillis, memoryBytes, ports } = load(workerId, ledger);
  const fixed = ports.filter((port) => port !== undefined);
  const found: string[] = [];
  if (cpuMillis > CPU_MILLIS) found.push(`${workerId} has promised ${cpuMillis}m of CPU`);
  if (memoryBytes > MEMORY_BYTES) found.push(`${workerId} has promised ${memoryBytes} bytes`);
  if (new Set(fixed).size < fixed.length) found.push(`${workerId} has promised a port twice`);
  return found;
}

function hasRoom(workerId: string, { spec }: Task, ledger: LedgerMonitor): boolean {
  if (!ledger.isOpen(workerId)) return false;
  const { cpuMillis, memoryBytes, ports } = load(workerId, ledger);
  const { cpuMillis: cpu = 0n, memoryBytes: memory = 0n } = spec?.reservation ?? {};
  const isPortTaken = spec?.ports.some(({ hostPort }) => hostPort && ports.includes(hostPort));
  return cpuMillis + cpu <= CPU_MILLIS && memoryBytes + memory <= MEMORY_BYTES && !isPortTaken;
}

/** What is said to run runs. */
function auditPhantom(task: Task, { machines }: World): string[] {
  if (task.state !== TaskState.RUNNING) return [];
  const { status, placement } = task.attempt ?? {};
  const machine = machines.get(placement?.workerId ?? "");
  const container = machine?.engine.containers.get(status?.containerId ?? "");
  const isThere = container?.state.kind === "running" && container.key.taskId === task.id;
  return isThere
    ? []
    : [`${task.spec?.name} is said to run on ${placement?.workerId} and does not`];
}

/** Every container is needed by a task. */
function auditContainers(workerId: string, { world, ledger }: Witnesses): string[] {
  const containers = [...(world.machines.get(workerId)?.engine.containers.values() ?? [])];
  return containers.flatMap((container) => {
    const what = `container ${container.spec.name}/${container.key.attempt} on ${workerId}`;
    const why = whyUseless(workerId, container, ledger);
    return why === undefined ? [] : [`${what} (${container.state.kind}): ${why}`];
  });
}

function whyUseless(
  workerId: string,
  { key, state, owner }: FakeContainer,
  { tasks }: LedgerMonitor,
): string | undefined {
  if (owner.clusterId === STRANGER.clusterId) return undefined;
  const task = tasks.get(key.taskId);
  if (!task) return "its task is gone";
  const { number = 0, placement } = task.attempt ?? {};
  if (state.kind === "exited") {
    if (key.attempt < number - ATTEMPTS_KEPT) return `its task is in attempt ${number}`;
    return task.desiredState === DesiredState.RUN ? undefined : "nobody wants it";
  }
  const isCurrent = number === key.attempt && placement?.workerId === workerId;
  if (!isCurrent || task.state !== TaskState.RUNNING)
    return `its task is ${nameOf(task.state)} in ${number} on ${placement?.workerId}`;
  return task.desiredState === DesiredState.RUN ? undefined : "nobody wants it";
}

/** How many attempts before the current one keep their containers, for their logs. */
const ATTEMPTS_KEPT = 1;

/** Containers of others, which nobody may have touched. */
export const auditStrangers = ({ machines }: World): string[] =>
  [...machines].flatMap(([workerId, { strangerId, engine }]) =>
    engine.containers.get(strangerId)?.state.kind === "running"
      ? []
      : [`somebody else's container on ${workerId} was touched`],
  );
