import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { FakeContainer } from "../services/worker/fake-runtime-engine.ts";
import type { LedgerMonitor } from "./ledger-monitor.ts";
import { nameOf } from "./task-states.ts";
import { STRANGER, type WorkerMachine } from "./worker-machine.ts";
import type { World } from "./world.ts";

/** What is said to run runs. */
export function auditPhantom(task: Task, { machines }: World): string[] {
  if (task.state !== TaskState.RUNNING) return [];
  const { status, placement } = task.attempt ?? {};
  const machine = machines.get(placement?.workerId ?? "");
  const container = machine?.engine.containers.get(status?.containerId ?? "");
  const isThere = container?.state.kind === "running" && container.key.taskId === task.id;
  return isThere
    ? []
    : [`${task.spec?.name} is said to run on ${placement?.workerId} and does not`];
}

/** What ended by itself is kept for its logs, as long as its task is wanted. */
export function auditRemains(task: Task, { machines, cloned }: World): string[] {
  const { status, placement } = task.attempt ?? {};
  const workerId = placement?.workerId ?? "";
  const isKept = task.state === TaskState.COMPLETED || task.state === TaskState.FAILED;
  if (!isKept || task.desiredState !== DesiredState.RUN || cloned.has(workerId)) return [];
  if (status?.exitCode === undefined) return [];
  const isThere = machines.get(workerId)?.engine.containers.has(status.containerId);
  return isThere ? [] : [`the container of ${task.spec?.name} is gone, and its logs with it`];
}

/** Every container is needed by a task. */
export function auditContainers(
  workerId: string,
  { engine }: WorkerMachine,
  { tasks }: LedgerMonitor,
): string[] {
  return [...engine.containers.values()].flatMap((container) => {
    const { key, spec, state, owner } = container;
    if (owner.clusterId === STRANGER.clusterId) return [];
    const why = whyUseless(workerId, container, tasks.get(key.taskId));
    const what = `container ${spec.name}/${key.attempt} on ${workerId}`;
    return why === undefined ? [] : [`${what} (${state.kind}): ${why}`];
  });
}

function whyUseless(
  workerId: string,
  { key, state }: FakeContainer,
  task: Task | undefined,
): string | undefined {
  if (!task) return "its task is gone";
  const { number = 0, placement } = task.attempt ?? {};
  const isCurrent = number === key.attempt && placement?.workerId === workerId;
  if (state.kind !== "exited" && !(isCurrent && task.state === TaskState.RUNNING))
    return `its task is ${nameOf(task.state)} in ${number} on ${placement?.workerId}`;
  // For its logs the container of the attempt that ended last is kept, too.
  const isKept = key.attempt >= number || key.attempt === task.pastAttempts[0]?.number;
  if (state.kind === "exited" && !isKept) return `its task is in attempt ${number}`;
  return task.desiredState === DesiredState.RUN ? undefined : "nobody wants it";
}

/** Containers of others, which nobody may have touched. */
export const auditStrangers = ({ machines }: World): string[] =>
  [...machines].flatMap(([workerId, { strangerId, engine }]) =>
    engine.containers.get(strangerId)?.state.kind === "running"
      ? []
      : [`somebody else's container on ${workerId} was touched`],
  );
