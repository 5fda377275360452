import { toMillis } from "../core/time.ts";
import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { behaviourOfImage } from "../services/worker/fake-runtime-behaviour.ts";
import { auditContainers, auditPhantom, auditRemains } from "./audit-containers.ts";
import { auditEnd, isDoomed, isExcused } from "./audit-end.ts";
import { hasRoom } from "./audit-load.ts";
import type { LedgerMonitor } from "./ledger-monitor.ts";
import { isOver, nameOf } from "./task-states.ts";
import type { Users } from "./users.ts";
import type { Wish } from "./wish.ts";
import type { World } from "./world.ts";

/** Who took part, and what was seen. */
export type Witnesses = Readonly<{ world: World; users: Users; ledger: LedgerMonitor }>;

/** What is not as it must be once nothing is broken and nothing more is asked for. */
export function audit(witnesses: Witnesses): string[] {
  const { world, users, ledger } = witnesses;
  return [
    ...(users.pendingCount() > 0 ? [`${users.pendingCount()} calls have no answer`] : []),
    ...[...users.wishes.values()].flatMap((wish) => auditWish(wish, witnesses)),
    ...[...ledger.tasks.values()].flatMap((task) => auditPhantom(task, world)),
    ...[...ledger.tasks.values()].flatMap((task) => auditRemains(task, world)),
    ...[...world.machines].flatMap(([workerId, machine]) =>
      auditContainers(workerId, machine, ledger),
    ),
  ];
}

/** Every task is as its user wants it. */
function auditWish({ name, asked, mayBeRemoved }: Wish, witnesses: Witnesses): string[] {
  const task = witnesses.ledger.byName(name);
  const isGone = asked === DesiredState.REMOVE;
  if (!task) return isGone || mayBeRemoved ? [] : [`${name} is gone`];
  if (isGone) return [`${name} was removed and is there`];
  if (asked === DesiredState.RUN) return auditWanted(name, task, witnesses);
  return isOver(task.state) ? [] : [`${name} was stopped and is ${nameOf(task.state)}`];
}

/** What should run does, or has ended as it must, or waits for a place. */
function auditWanted(name: string, task: Task, witnesses: Witnesses): string[] {
  if (!isOver(task.state)) return [...auditLive(name, task), ...auditWait(task, witnesses)];
  const found = task.state === TaskState.STOPPED ? [`${name} was stopped by nobody`] : [];
  return isExcused(task, witnesses.world) ? found : [...found, ...auditEnd(task)];
}

function auditLive(name: string, task: Task): string[] {
  const found: string[] = [];
  if (task.successor) found.push(`${name} still moves`);
  if (task.state === TaskState.RUNNING) found.push(...auditRunning(name, task));
  else if (task.state !== TaskState.PENDING)
    found.push(`${name} should run and is ${nameOf(task.state)}: ${task.waitingReason}`);
  return found;
}

function auditRunning(name: string, task: Task): string[] {
  const found: string[] = [];
  const { image = "" } = task.spec ?? {};
  const status = task.attempt?.status;
  if (!status?.ready) found.push(`${name} runs and is not ready: ${status?.probeMessage}`);
  if (behaviourOfImage(image).exitAfterMs !== undefined || isDoomed(task))
    found.push(`${name} of ${task.spec?.image} has not ended`);
  return found;
}

/** A task may wait only for room, and only if there is none, and without a limit to that. */
function auditWait(task: Task, { world, users, ledger }: Witnesses): string[] {
  if (task.state !== TaskState.PENDING) return [];
  const name = task.spec?.name;
  if (task.waitingReason === "") return [`${name} waits and does not say for what`];
  // A time that was set by a calendar that was wrong tells nothing: then only room counts.
  const retryMs = task.retryTime && world.misdated.size === 0 ? toMillis(task.retryTime) : 0;
  if (retryMs > users.clock.now()) return [`${name} waits to be retried: ${task.waitingReason}`];
  if (task.spec?.placementTimeout) return [`${name} waits and is to have a place by now`];
  const roomy = [...world.machines.keys()].filter((workerId) => hasRoom(workerId, task, ledger));
  return roomy.length === 0 ? [] : [`${name} waits (${task.waitingReason}), and ${roomy} has room`];
}
