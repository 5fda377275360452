import type { Client } from "@connectrpc/connect";
import { isTerminal } from "../../core/task-state.ts";
import type { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { DesiredState, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { allTasks } from "../all-tasks.ts";
import type { Container } from "./containers.ts";
import type { History } from "./history.ts";

type Parties = Readonly<{
  client: Client<typeof ManagerService>;
  history: History;
  containers: readonly Container[];
}>;

/** A task as the ledger has it, with the containers that the engine shows for it. */
type Case = Readonly<{ task: Task; containers: readonly Container[] }>;

/** What must hold once faults are over, each with the words for when it does not. */
const LAWS: readonly ((it: Case) => string | undefined)[] = [
  ({ task, containers }) => {
    const running = containers.filter((container) => container.running);
    return running.length > 1 ? `${task.id} runs ${running.length} times` : undefined;
  },
  ({ task, containers }) => {
    const id = task.attempt?.status?.containerId;
    const isTrue = containers.some((container) => container.id === id && container.running);
    return task.state === TaskState.RUNNING && !isTrue
      ? `${task.id} is RUNNING in the ledger and its container ${id} does not run`
      : undefined;
  },
  ({ task, containers }) =>
    isTerminal(task.state) && containers.some(({ running }) => running)
      ? `${task.id} has ended in the ledger and its container runs`
      : undefined,
  ({ task }) =>
    task.desiredState !== DesiredState.RUN && !isTerminal(task.state)
      ? `${task.id} is to stop and is ${TaskState[task.state]}`
      : undefined,
  ({ task }) =>
    !isTerminal(task.state) && task.state !== TaskState.RUNNING
      ? `${task.id} is ${TaskState[task.state]}: ${task.waitingReason}`
      : undefined,
  ({ task, containers }) => {
    const isKnown = ({ attempt }: Container) =>
      [task.attempt, ...task.pastAttempts].some((each) => each?.number === attempt);
    const stranger = containers.find((container) => !isKnown(container));
    return stranger ? `${task.id} has no attempt ${stranger.attempt}, the engine has` : undefined;
  },
  ({ task, containers }) =>
    containers.some(({ restartCount }) => restartCount > 0)
      ? `${task.id} was restarted by the engine itself`
      : undefined,
];

/** Everything in which the user's history, the ledger and the engine differ. */
export async function audit({ client, history, containers }: Parties): Promise<readonly string[]> {
  const tasks = await allTasks(client, { timeoutMs: 5_000 });
  const known = new Set(tasks.map(({ id }) => id));
  const lost = history.acknowledged().filter((id) => !known.has(id));
  const orphans = containers.filter(({ taskId }) => !known.has(taskId));
  // To stop what has ended by itself changes nothing.
  const goesOn = ({ desiredState, state }: Task) =>
    desiredState === DesiredState.RUN && !isTerminal(state);
  const undone = history
    .stopped()
    .filter((id) => tasks.some((task) => task.id === id && goesOn(task)));
  return [
    ...lost.map((id) => `${id} was acknowledged and is lost`),
    ...orphans.map(({ id, taskId }) => `container ${id} is an orphan: there is no task ${taskId}`),
    ...undone.map((id) => `the stop of ${id} was acknowledged and is lost`),
    ...tasks.flatMap((task) => breaches(task, containers)),
  ];
}

function breaches(task: Task, containers: readonly Container[]): readonly string[] {
  const own = containers.filter(({ taskId }) => taskId === task.id);
  return LAWS.flatMap((law) => law({ task, containers: own }) ?? []);
}

/** What it takes for a container to be the very same: no fault may have touched it. */
export const identityOf = ({ id, pid, startedAt }: Container) => ({ id, pid, startedAt });
