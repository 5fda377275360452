import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { NetworkMode, RestartMode, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { silentLog } from "../lib/log.ts";
import { openChannel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import { createService, type Service } from "./service.ts";

const PORTS = { manager: 17270, registry: 17271, workers: [17272, 17273] };

const ASK_EVERY_MS = 10;

/** Longer than anything here takes: a bench that waits longer is stuck. */
const PATIENCE_MS = 60_000;

/** Manager, registry and two workers on one engine, each a process, with the settings they come with. */
export interface RecoveryCluster {
  readonly client: Client<typeof ManagerService>;
  readonly workers: readonly Readonly<{ id: string; service: Service }>[];
  /** Tasks that sleep and are restarted whenever they end, once all of them run. */
  run(count: number): Promise<readonly Task[]>;
  remove(tasks: readonly Task[]): Promise<void>;
  /** Asks until the answer is yes. */
  until(what: string, ask: () => Promise<boolean>): Promise<void>;
  untilReady(workers: number): Promise<void>;
  stop(): Promise<void>;
}

type Options = Readonly<{ socketPath: string; image: string }>;

export async function startRecoveryCluster({
  socketPath,
  image,
}: Options): Promise<RecoveryCluster> {
  const folder = mkdtempSync(join(tmpdir(), "berth-recovery-"));
  const at = (port: number) => `127.0.0.1:${port}`;
  const common = ["--registry", at(PORTS.registry), "--log-level", "warn"];
  const service = (name: string, args: readonly string[]) =>
    createService(args, join(folder, `${name}.log`));
  const state = (name: string) => ["--state-dir", join(folder, name)];
  const registry = service("registry", ["registry", "--listen", at(PORTS.registry)]);
  const manager = service("manager", [
    ...["manager", "--listen", at(PORTS.manager)],
    ...state("manager"),
    ...common,
  ]);
  const workers = PORTS.workers.map((port, i) => {
    const id = `bench-${process.pid}-${i + 1}`;
    const args = ["worker", "--listen", at(port), "--worker-id", id, "--allow-host-network"];
    const own = ["--docker-host", `unix://${socketPath}`, ...state(id), ...common];
    return { id, service: service(id, [...args, ...own]) };
  });
  const all = [registry, manager, ...workers.map((worker) => worker.service)];
  for (const one of all) one.start();

  const channel = openChannel({ address: at(PORTS.manager), clock: systemClock, log: silentLog });
  const client = createClient(ManagerService, channel);
  const untilReady = (count: number) =>
    until(`${count} workers are ready`, async () => {
      const { cluster } = await client.getCluster({}, { timeoutMs: 2_000 });
      return cluster?.readyWorkerCount === count;
    });
  await untilReady(workers.length);

  async function submit(): Promise<Task> {
    const spec = {
      image,
      command: ["sleep", "3600"],
      networkMode: NetworkMode.HOST,
      stopGrace: { seconds: 0n },
      restartPolicy: { mode: RestartMode.ALWAYS },
    };
    const { task } = await client.submitTask({ spec });
    if (!task) throw new Error("the manager answered without a task");
    return task;
  }

  async function current({ id: taskId }: Task): Promise<Task | undefined> {
    return (await client.getTask({ taskId })).task;
  }

  return {
    client,
    workers,
    until,
    untilReady,
    async run(count) {
      const tasks = await Promise.all(Array.from({ length: count }, submit));
      await until(`${count} tasks run`, async () => {
        const now = await Promise.all(tasks.map(current));
        return now.every((task) => task?.state === TaskState.RUNNING);
      });
      const running = await Promise.all(tasks.map(current));
      return running.flatMap((task) => task ?? []);
    },
    async remove(tasks) {
      await Promise.all(tasks.map(({ id: taskId }) => client.removeTask({ taskId, force: true })));
      await until("they are gone", async () => {
        const { tasks: left } = await client.listTasks({});
        return left.length === 0;
      });
    },
    async stop() {
      channel.close();
      await Promise.all(all.map((one) => one.stop()));
      rmSync(folder, { recursive: true });
    },
  };
}

async function until(what: string, ask: () => Promise<boolean>): Promise<void> {
  const startMs = performance.now();
  let last: unknown = "the answer was no";
  while (performance.now() - startMs < PATIENCE_MS) {
    try {
      if (await ask()) return;
    } catch (error) {
      last = error;
    }
    await systemClock.sleep(ASK_EVERY_MS);
  }
  throw new Error(`never happened: ${what}; last: ${String(last)}`);
}
