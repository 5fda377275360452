import { type Attempt, type Task, type TaskSpec, TaskState } from "../gen/berth/v1/task_pb.ts";
import { isLoner, isUnderstood, whyNotThere } from "./asks.ts";
import type { LedgerMonitor } from "./ledger-monitor.ts";
import { authorised } from "./task-laws.ts";
import { isOver } from "./task-states.ts";

/** What the fake machine offers. */
const CPU_MILLIS = 4_000n;
const MEMORY_BYTES = 8n * 2n ** 30n;
const GPUS = 2n;
const LICENCES = 2n;

/** What is promised of a worker beyond what it has. */
export function auditLoad(workerId: string, ledger: LedgerMonitor): string[] {
  const { cpuMillis, memoryBytes, ports, gpus, gpuIds, licences, loners } = load(workerId, ledger);
  const fixed = ports.filter((port) => port !== undefined);
  const found: string[] = [];
  if (cpuMillis > CPU_MILLIS) found.push(`${workerId} has promised ${cpuMillis}m of CPU`);
  if (memoryBytes > MEMORY_BYTES) found.push(`${workerId} has promised ${memoryBytes} bytes`);
  if (isRepeated(fixed)) found.push(`${workerId} has promised a port twice`);
  if (gpus > GPUS || licences > LICENCES)
    found.push(`${workerId} has promised ${gpus} GPUs and ${licences} licences`);
  if (isRepeated(gpuIds)) found.push(`${workerId} has promised a GPU twice: ${gpuIds}`);
  if (gpuIds.length < gpus) found.push(`${workerId} has promised GPUs and did not say which`);
  if (loners > 1) found.push(`${workerId} has ${loners} tasks that keep apart`);
  return found;
}

const isRepeated = (items: readonly unknown[]): boolean => new Set(items).size < items.length;

/** Whether a task would fit on a worker. */
export function hasRoom(workerId: string, { spec }: Task, ledger: LedgerMonitor): boolean {
  if (!spec || !ledger.isOpen(workerId)) return false;
  if (!isUnderstood(spec) || whyNotThere(workerId, spec)) return false;
  const taken = load(workerId, ledger);
  const { cpuMillis = 0n, memoryBytes = 0n } = spec.reservation ?? {};
  const isPortTaken = spec.ports.some(({ hostPort }) => hostPort && taken.ports.includes(hostPort));
  return (
    taken.cpuMillis + cpuMillis <= CPU_MILLIS &&
    taken.memoryBytes + memoryBytes <= MEMORY_BYTES &&
    taken.gpus + countOf("gpu", spec) <= GPUS &&
    taken.licences + countOf("licence", spec) <= LICENCES &&
    !(isLoner(spec) && taken.loners > 0) &&
    !isPortTaken
  );
}

/** What is reserved on a worker, by the tasks that are placed there. */
export function load(workerId: string, ledger: LedgerMonitor) {
  const placed = placedOn(workerId, ledger);
  const specs = placed.map(([{ spec }]) => spec).filter((spec) => spec !== undefined);
  const sum = (of: (spec: TaskSpec) => bigint | undefined) =>
    specs.reduce((total, spec) => total + (of(spec) ?? 0n), 0n);
  return {
    taskCount: placed.length,
    cpuMillis: sum(({ reservation }) => reservation?.cpuMillis),
    memoryBytes: sum(({ reservation }) => reservation?.memoryBytes),
    ports: specs.flatMap(({ ports }) => ports.map(({ hostPort }) => hostPort)),
    gpus: sum((spec) => countOf("gpu", spec)),
    gpuIds: placed.flatMap(([, { placement }]) => placement?.assigned["gpu"]?.ids ?? []),
    licences: sum((spec) => countOf("licence", spec)),
    loners: specs.filter(isLoner).length,
  };
}

const countOf = (name: string, { reservation }: TaskSpec): bigint =>
  reservation?.custom[name]?.count ?? 0n;

/** The attempts that occupy a worker, each with its task. */
const placedOn = (workerId: string, ledger: LedgerMonitor): readonly [Task, Attempt][] =>
  [...ledger.tasks.values()].flatMap((task) =>
    [...authorised(task), ...task.pastAttempts]
      .filter(({ placement }) => placement?.workerId === workerId)
      .filter((attempt) => !isOver(attempt === task.attempt ? task.state : stateOf(attempt)))
      .map((attempt): [Task, Attempt] => [task, attempt]),
  );

const stateOf = ({ status }: Attempt): TaskState => status?.state ?? TaskState.SCHEDULED;
