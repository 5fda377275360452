import { type Attempt, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { LedgerMonitor } from "./ledger-monitor.ts";
import { authorised } from "./task-laws.ts";
import { isOver } from "./task-states.ts";

/** What the fake machine offers. */
const CPU_MILLIS = 4_000n;
const MEMORY_BYTES = 8n * 2n ** 30n;

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

/** Whether a task would fit on a worker. */
export function hasRoom(workerId: string, { spec }: Task, ledger: LedgerMonitor): boolean {
  if (!ledger.isOpen(workerId)) return false;
  const { cpuMillis, memoryBytes, ports } = load(workerId, ledger);
  const { cpuMillis: cpu = 0n, memoryBytes: memory = 0n } = spec?.reservation ?? {};
  const isPortTaken = spec?.ports.some(({ hostPort }) => hostPort && ports.includes(hostPort));
  return cpuMillis + cpu <= CPU_MILLIS && memoryBytes + memory <= MEMORY_BYTES && !isPortTaken;
}

/** What is reserved on a worker, by the tasks that are placed there. */
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

/** The attempts that occupy a worker, each with its task. */
const placedOn = (workerId: string, ledger: LedgerMonitor): readonly [Task, Attempt][] =>
  [...ledger.tasks.values()].flatMap((task) =>
    [...authorised(task), ...task.pastAttempts]
      .filter(({ placement }) => placement?.workerId === workerId)
      .filter((attempt) => !isOver(attempt === task.attempt ? task.state : stateOf(attempt)))
      .map((attempt): [Task, Attempt] => [task, attempt]),
  );

const stateOf = ({ status }: Attempt): TaskState => status?.state ?? TaskState.SCHEDULED;
