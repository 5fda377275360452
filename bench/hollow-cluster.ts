import type { Client } from "@connectrpc/connect";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { RegistryService } from "../gen/berth/v1/registry_service_pb.ts";
import { TaskState } from "../gen/berth/v1/task_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import { type BerthProcess, startBerth } from "./berth-process.ts";

const PORTS = { manager: 17370, registry: 17371 };

/** Hollow workers of one process. */
const WORKERS_PER_PROCESS = 1_000;

/** Longer than anything here takes: a bench that waits longer is stuck. */
const PATIENCE_MS = 120_000;

/** How often the manager is asked whether it is so. */
const ASK_EVERY_MS = 25;

/** Registry, manager and hollow workers, each a process of its own, with the settings they come with. */
export interface HollowCluster {
  readonly manager: Client<typeof ManagerService>;
  readonly registry: Client<typeof RegistryService>;
  readonly processes: Readonly<{
    manager: BerthProcess;
    registry: BerthProcess;
    /** A thousand workers each. */
    workers: readonly BerthProcess[];
  }>;
  /** How many tasks run, as the ledger has it on disk. */
  runningCount(): Promise<number>;
  /** Resolves once so many tasks run and that is on disk. */
  untilRunning(count: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startHollowCluster(workerCount: number): Promise<HollowCluster> {
  const [managerAddress, registryAddress] = [at(PORTS.manager), at(PORTS.registry)];
  const started: BerthProcess[] = [];
  const start = async (args: readonly string[], readyWhen: RegExp, isStateful = false) => {
    const all = [...args, "--log-level", "warn"];
    const one = await startBerth({ args: all, managerAddress, readyWhen, isStateful });
    started.push(one);
    return one;
  };
  const channels = [managerAddress, registryAddress].map((address) =>
    openChannel({ address, clock: systemClock, log: silentLog, timeoutMs: PATIENCE_MS }),
  );
  const stop = async () => {
    for (const channel of channels) channel.close();
    for (const one of started.toReversed()) await one.stop();
  };
  try {
    const registry = await start(["registry", "--listen", registryAddress], /^registry on/m);
    const managerArgs = ["manager", "--listen", managerAddress, "--registry", registryAddress];
    const manager = await start(managerArgs, /^manager on/m, true);
    const workers: BerthProcess[] = [];
    for (let left = workerCount; left > 0; left -= WORKERS_PER_PROCESS) {
      const hollow = ["worker", "--runtime", "hollow", "--registry", registryAddress];
      const count = ["--count", String(Math.min(left, WORKERS_PER_PROCESS))];
      const name = ["--worker-id", `hollow-${workers.length}`];
      workers.push(await start([...hollow, ...count, ...name], /hollow worker/));
    }
    const clients = clientsOver(channels);
    await until(`${workerCount} workers are ready`, async () => {
      const { cluster } = await clients.manager.getCluster({});
      return cluster?.readyWorkerCount === workerCount;
    });
    return { ...clients, ...countersOf(clients), processes: { manager, registry, workers }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const at = (port: number): string => `127.0.0.1:${port}`;

type Clients = Pick<HollowCluster, "manager" | "registry">;

function clientsOver(channels: readonly ReturnType<typeof openChannel>[]): Clients {
  const [toManager, toRegistry] = channels;
  if (!toManager || !toRegistry) throw new Error("there is a channel to each");
  return {
    manager: createClient(ManagerService, toManager),
    registry: createClient(RegistryService, toRegistry),
  };
}

function countersOf({ manager }: Clients): Pick<HollowCluster, "runningCount" | "untilRunning"> {
  async function headCount(): Promise<number> {
    const { cluster } = await manager.getCluster({});
    const counts = cluster?.taskCounts ?? [];
    return counts.find(({ state }) => state === TaskState.RUNNING)?.count ?? 0;
  }

  /** A list is answered once all that it could show is on disk. */
  const settled = () => manager.listTasks({ pageSize: 1 });

  return {
    async runningCount() {
      const count = await headCount();
      await settled();
      return count;
    },
    async untilRunning(count) {
      await until(`${count} tasks run`, async () => (await headCount()) >= count);
      await settled();
    },
  };
}

async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  const startMs = performance.now();
  while (performance.now() - startMs < PATIENCE_MS) {
    if (await ask()) return;
    await systemClock.sleep(ASK_EVERY_MS);
  }
  throw new Error(`never happened in ${PATIENCE_MS} ms: ${what}`);
}
