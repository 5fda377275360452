import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { startSharedManager } from "../../services/manager/shared-manager.ts";
import { startRegistry } from "../../services/registry/registry.ts";
import { createFakeRuntime } from "../../services/worker/fake-runtime.ts";
import { createFakeEngine } from "../../services/worker/fake-runtime-engine.ts";
import { createFakeGlance } from "../../services/worker/fake-runtime-usage.ts";
import { createFakePortProbes, createFakeProbes } from "../../services/worker/prober-fake.ts";
import { openStateFolder } from "../../services/worker/state-folder-disk.ts";
import { startWorker } from "../../services/worker/worker.ts";
import { createSimulatedStore } from "../../sim/shared-store.ts";
import { aSpec } from "../builders.ts";
import { createFastClock } from "./fast-clock.ts";

const clock = createFastClock();
const common = { wire: socketWire, clock, random: createSeededRandom(1), log: silentLog };
const host = {
  ...{ cpuPercent: 1, load1m: 0, load5m: 0, load15m: 0 },
  ...{ memoryTotalBytes: 8 * 2 ** 30, memoryAvailableBytes: 8 * 2 ** 30 },
  ...{ diskTotalBytes: 2 ** 40, diskAvailableBytes: 2 ** 40 },
};
const LISTEN = "127.0.0.1:0";

type Manager = Client<typeof ManagerService>;

/** Two managers that share a store, and a worker. */
async function startAll() {
  const folder = await mkdtemp(join(tmpdir(), "berth-standby-"));
  const leases = { leaseMs: 120_000, intervalMs: 1_500 };
  const registry = await startRegistry({ listen: LISTEN, ...leases }, common);
  const registryAddress = registry.address;
  const engine = createFakeEngine(clock);
  const config = {
    ...{ listen: LISTEN, registryAddress, hostname: "box", workerId: "w1", version: "test" },
    ...{ labels: {}, allowHostNetwork: false, capacity: {}, roles: [Role.WORKER] },
  };
  const worker = await startWorker(config, {
    ...common,
    state: await openStateFolder(join(folder, "w1")),
    runtime: createFakeRuntime(engine),
    probes: createFakeProbes(engine),
    glance: createFakeGlance(engine),
    stats: { measure: async () => host },
  });
  const store = createSimulatedStore({
    ...{ clock, ttlMs: 10_000, limits: { operations: 20, bytes: 1e6 } },
  });
  const startOne = () =>
    startSharedManager(
      {
        ...{ listen: LISTEN, registryAddress, defaultScheduler: "spread", version: "test" },
        ...{ advertise: undefined, leaseMs: leases.leaseMs },
      },
      { ...common, shared: store.open(clock).shared, probes: createFakePortProbes(() => [engine]) },
    );
  const managers = [await startOne(), await startOne()];
  const channels = managers.map(({ address }) => openChannel({ ...common, address }));
  return {
    clients: channels.map((channel): Manager => createClient(ManagerService, channel)),
    async stop() {
      for (const channel of channels) channel.close();
      for (const part of [...managers, worker, registry]) {
        await part.stop();
      }
      await rm(folder, { recursive: true });
    },
  };
}

/** Calls until it is answered as wanted: leaders come to lead, copies follow, workers join. */
async function insist<T>(call: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    try {
      const answer = await call();
      if (answer !== undefined) return answer;
    } catch (error) {
      const { code } = ConnectError.from(error);
      if (code !== Code.Unavailable && code !== Code.NotFound) throw error;
    }
    await clock.sleep(50);
  }
}

async function cat(manager: Manager, taskId: string): Promise<string | undefined> {
  const words = (async function* () {
    const process = { command: ["cat"], stdin: true };
    yield { word: { case: "start" as const, value: { taskId, process } } };
    const stdin = { word: { case: "stdin" as const, value: Buffer.from("hello") } };
    yield { word: { case: "input" as const, value: stdin } };
  })();
  let text = "";
  for await (const { output } of manager.execTask(words)) {
    if (output?.word.case === "stdout") text += Buffer.from(output.word.value).toString();
    if (output?.word.case === "exit") return `${text} ${output.word.value.exitCode}`;
  }
  return undefined;
}

test("each manager passes conversations and logs on, whoever leads", async () => {
  const { clients, stop } = await startAll();
  try {
    const [some] = clients as [Manager];
    const request = { spec: aSpec({}, "web"), requestId: "once" };
    const { task } = await insist(() => some.submitTask(request));
    const taskId = task?.id ?? "";
    for (const manager of clients) {
      await insist(async () => {
        const { task: now } = await manager.getTask({ taskId });
        return now?.state === TaskState.RUNNING ? now : undefined;
      });
      expect(await insist(() => cat(manager, taskId))).toBe("hello 0");
      const seen: string[] = [];
      for await (const { entries, taskId: whose } of manager.streamTaskLogs({ taskIds: [taskId] }))
        seen.push(...entries.map(({ data }) => `${whose} ${Buffer.from(data).toString()}`));
      expect(seen).toEqual([`${taskId} started\n`]);
    }
  } finally {
    await stop();
  }
});
