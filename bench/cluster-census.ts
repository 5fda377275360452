import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { type AttemptReport, WorkerService } from "../gen/berth/v1/worker_service_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import { allTasks } from "../test/all-tasks.ts";
import type { HollowCluster } from "./hollow-cluster.ts";

const PAGE_SIZE = 1_000;

/** Workers asked at the same time. */
const LANES = 16;

/** What ledger and workers say, each for itself. */
export type Census = Readonly<{
  tasks: readonly Task[];
  /** Tasks that the ledger has as RUNNING in their first attempt, on a worker that says so too. */
  running: number;
  /** Containers that the workers ever made, by the numbers that their engines give them. */
  containers: number;
  /** Tasks of the ledger that no worker runs, and attempts that the ledger does not know. */
  strays: number;
}>;

/** Asks the manager for every task, and every worker for every attempt. */
export async function takeCensus(cluster: HollowCluster): Promise<Census> {
  const tasks = await allTasks(cluster.manager);
  const held = new Map<string, string>();
  let containers = 0;
  let attempts = 0;
  const addresses = await workerAddresses(cluster);
  await inLanes([...addresses], async ([workerId, address]) => {
    const reports = await attemptsOf(address);
    attempts += reports.length;
    containers += Math.max(0, ...reports.map(serialOf));
    for (const { taskId, attempt, status } of reports)
      if (status?.state === TaskState.RUNNING) held.set(`${taskId}/${attempt}`, workerId);
  });
  const running = tasks.filter((task) => runsAsSaid(task, held)).length;
  return { tasks, running, containers, strays: Math.abs(attempts - running) };
}

const runsAsSaid = ({ id, state, attempt }: Task, held: ReadonlyMap<string, string>): boolean =>
  state === TaskState.RUNNING && held.get(`${id}/1`) === attempt?.placement?.workerId;

/** A hollow worker's engine numbers its containers from 1, in hexadecimal, and none has gone. */
const serialOf = ({ status }: AttemptReport): number =>
  Number.parseInt(status?.containerId.replace("fake", "") ?? "", 16);

async function workerAddresses({ manager }: HollowCluster): Promise<ReadonlyMap<string, string>> {
  const addresses = new Map<string, string>();
  for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
    const page = await manager.listWorkers({ pageSize: PAGE_SIZE, pageToken });
    for (const { presence } of page.workers)
      if (presence) addresses.set(presence.workerId, presence.description?.address ?? "");
    pageToken = page.nextPageToken || undefined;
  }
  return addresses;
}

async function attemptsOf(address: string): Promise<readonly AttemptReport[]> {
  const channel = openChannel({ address, clock: systemClock, log: silentLog, timeoutMs: 60_000 });
  try {
    const worker = createClient(WorkerService, channel);
    const reports: AttemptReport[] = [];
    for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
      const page = await worker.listTasks({ pageSize: PAGE_SIZE, pageToken });
      reports.push(...page.reports);
      pageToken = page.nextPageToken || undefined;
    }
    return reports;
  } finally {
    channel.close();
  }
}

async function inLanes<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let item = left.pop(); item !== undefined; item = left.pop()) await act(item);
    }),
  );
}
