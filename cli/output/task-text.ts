import { reasonName } from "../../core/outcomes.ts";
import { isTerminal, stateName } from "../../core/task-state.ts";
import { toMillis } from "../../core/time.ts";
import {
  DesiredState,
  Health,
  PortProtocol,
  type PublishedPort,
  type Task,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { formatAge, formatSince, oneLine } from "./format.ts";

export const nameOf = (task: Task): string => task.spec?.name || task.id;
export const workerOf = (task: Task): string => task.attempt?.placement?.workerId ?? "";

/**
 * The state, the exit code of a failure or what probes say, and for how long it has been so:
 * `failed (3) 2m ago`, `running (healthy) 5m`.
 */
export function stateText(task: Task, nowMs: number): string {
  const code = task.state === TaskState.FAILED ? task.attempt?.status?.exitCode : undefined;
  const since = formatSince(stateTime(task), nowMs);
  const note = code === undefined ? healthText(task) : String(code);
  const words = note === "" ? stateName(task.state) : `${stateName(task.state)} (${note})`;
  return isTerminal(task.state) ? `${words} ${since} ago` : `${words} ${since}`;
}

/** What probes say of a running task: `healthy`. Empty where nothing is asked. */
function healthText({ state, spec, attempt }: Task): string {
  const { health = Health.UNSPECIFIED, ready = false } = attempt?.status ?? {};
  if (state !== TaskState.RUNNING) return "";
  if (health === Health.UNHEALTHY || health === Health.STARTING) return healthName(health);
  if (spec?.readinessProbe && !ready) return "not ready";
  return health === Health.HEALTHY ? healthName(health) : "";
}

const healthName = (health: Health): string => (Health[health] ?? "unknown").toLowerCase();

/** When the task came into its state, by the account that is nearest to the container. */
function stateTime(task: Task) {
  const status = task.attempt?.status;
  if (task.state === TaskState.RUNNING && status?.startTime) return status.startTime;
  if (isTerminal(task.state) && status?.finishTime) return status.finishTime;
  if (status?.state === task.state && status.observeTime) return status.observeTime;
  return task.updateTime ?? task.createTime;
}

/** What a person asks next about the state: why it waits, why it failed, what it does. */
export function detailText(task: Task, nowMs: number): string {
  const status = task.attempt?.status;
  switch (task.state) {
    case TaskState.PENDING:
      return [backoffText(task, nowMs), oneLine(task.waitingReason)].filter(Boolean).join(": ");
    case TaskState.FAILED:
    case TaskState.LOST:
    case TaskState.STOPPED:
      return failureText(task);
    case TaskState.RUNNING:
      return wishText(task) || oneLine(status?.probeMessage ?? "");
    default:
      return [wishText(task), oneLine(status?.message ?? "")].filter(Boolean).join(": ");
  }
}

function backoffText(task: Task, nowMs: number): string {
  const waitMs = task.retryTime ? toMillis(task.retryTime) - nowMs : 0;
  return waitMs > 0 ? `retries in ${formatAge(waitMs + 999)}` : "";
}

function wishText({ desiredState, state }: Task): string {
  if (desiredState === DesiredState.REMOVE) return "being removed";
  return desiredState === DesiredState.STOP && state !== TaskState.STOPPING ? "stop requested" : "";
}

/** Why the current attempt failed, or nothing. */
function failureText(task: Task): string {
  const failure = task.attempt?.status?.failure;
  if (!failure) return oneLine(task.waitingReason);
  return oneLine(failure.message) || reasonName(failure.reason);
}

/** Published ports: `127.0.0.1:8080->80/tcp`. */
export const portsText = (task: Task): string =>
  (task.attempt?.status?.ports ?? []).map(portText).join(", ");

function portText(port: PublishedPort): string {
  const host = port.hostAddress.includes(":") ? `[${port.hostAddress}]` : port.hostAddress;
  const protocol = port.protocol === PortProtocol.UDP ? "udp" : "tcp";
  return `${host}:${port.hostPort}->${port.containerPort}/${protocol}`;
}

/** One step of a task's life as a message: `running on worker-1`, `failed: exit code 3`. */
export function progressText(task: Task, nowMs: number): string {
  const worker = workerOf(task);
  const attempt = (task.attempt?.number ?? 1) > 1 ? ` (attempt ${task.attempt?.number})` : "";
  const place = worker === "" || isTerminal(task.state) ? "" : ` on ${worker}`;
  const detail = detailText(task, nowMs);
  const ports = task.state === TaskState.RUNNING ? portsText(task) : "";
  const rest = [detail, ports].filter(Boolean).join(", ");
  return `${stateName(task.state)}${place}${attempt}${rest === "" ? "" : `: ${rest}`}`;
}
