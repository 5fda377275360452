import type { Client } from "@connectrpc/connect";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { RegistryService } from "../gen/berth/v1/registry_service_pb.ts";
import { TaskState } from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import { type BerthProcess, startBerth } from "./berth-process.ts";

const [MANAGER, REGISTRY] = ["127.0.0.1:17370", "127.0.0.1:17371"];

/** Hollow workers of one process. */
const WORKERS_PER_PROCESS = 1_000;

/** Longer than anything here takes: a bench that waits longer is stuck. */
const PATIENCE_MS = 120_000;

/** How often the manager is asked whether it is so. */
const ASK_EVERY_MS = 25;

/** Whether manager and registry are a process each, or one: `berth server`. */
export type ControlForm = "apart" | "together";

/** The control plane and hollow workers, with the settings they come with. */
export interface HollowCluster {
  readonly manager: Client<typeof ManagerService>;
  readonly registry: Client<typeof RegistryService>;
  readonly processes: Readonly<{
    /** By the verb that started it: `manager` and `registry`, or `server`. */
    control: Readonly<Record<string, BerthProcess>>;
    /** A thousand workers each. */
    workers: readonly BerthProcess[];
  }>;
  /** Where the ledger is kept. */
  readonly stateFolder: string;
  /** How many tasks run, as the ledger has it on disk. */
  runningCount(): Promise<number>;
  /** Resolves once so many tasks run and that is on disk. */
  untilRunning(count: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startHollowCluster(
  workerCount: number,
  form: ControlForm = "apart",
): Promise<HollowCluster> {
  const started: BerthProcess[] = [];
  const start = async ({ args, readyWhen, isStateful }: Served) => {
    const all = [...args, "--log-level", "warn"];
    const one = await startBerth({ args: all, managerAddress: MANAGER, readyWhen, isStateful });
    started.push(one);
    return one;
  };
  const channels = [MANAGER, REGISTRY].map((address) =>
    openChannel({ address, clock: systemClock, log: silentLog, timeoutMs: PATIENCE_MS }),
  );
  const stop = async () => {
    for (const channel of channels) channel.close();
    for (const one of started.toReversed()) await one.stop();
  };
  try {
    const control: Record<string, BerthProcess> = {};
    for (const served of CONTROL[form]) control[served.args[0]] = await start(served);
    const workers: BerthProcess[] = [];
    for (let left = workerCount; left > 0; left -= WORKERS_PER_PROCESS) {
      const count = Math.min(left, WORKERS_PER_PROCESS);
      workers.push(await start(hollowWorkers(count, `hollow-${workers.length}`)));
    }
    const clients = clientsOver(channels);
    await until(`${workerCount} workers are ready`, async () => {
      const { cluster } = await clients.manager.getCluster({});
      return cluster?.readyWorkerCount === workerCount;
    });
    const keeper = Object.values(control).at(-1);
    assert(keeper, "the process that keeps the ledger starts last");
    const { stateFolder } = keeper;
    const processes = { control, workers };
    return { ...clients, ...countersOf(clients), processes, stateFolder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A verb of Berth with its flags, and what it says once it serves. */
type Served = Readonly<{
  args: readonly [verb: string, ...flags: string[]];
  readyWhen: RegExp;
  isStateful: boolean;
}>;

/** In the order of their start: the one that keeps the ledger is the last. */
const CONTROL: Readonly<Record<ControlForm, readonly Served[]>> = {
  apart: [
    { args: ["registry", "--listen", REGISTRY], readyWhen: /^registry on/m, isStateful: false },
    {
      args: ["manager", "--listen", MANAGER, "--registry", REGISTRY],
      readyWhen: /^manager on/m,
      isStateful: true,
    },
  ],
  together: [
    {
      args: ["server", "--manager-listen", MANAGER, "--registry-listen", REGISTRY],
      readyWhen: /^manager on/m,
      isStateful: true,
    },
  ],
};

const hollowWorkers = (count: number, workerId: string): Served => ({
  args: [
    "worker",
    ...["--runtime", "hollow", "--registry", REGISTRY],
    ...["--count", String(count), "--worker-id", workerId],
  ],
  readyWhen: /hollow worker/,
  isStateful: false,
});

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
