import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { RegistryService, type SessionRequest } from "../../gen/berth/v1/registry_service_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { silentLog } from "../../lib/log.ts";
import { createMailbox } from "../../lib/mailbox.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { startRpcServer } from "../../lib/rpc/server.ts";
import { mountService } from "../../lib/rpc/service-mount.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { createFakeEngine } from "./fake-runtime-engine.ts";
import { containerFor } from "./fake-runtime-faults.ts";
import { createFakeGlance } from "./fake-runtime-usage.ts";
import { createFakeProbes } from "./prober-fake.ts";
import { openStateFolder } from "./state-folder-disk.ts";
import { startWorker, type WorkerConfig } from "./worker.ts";

const rpc = { clock: systemClock, log: silentLog };
const fence = { epoch: 1n, clusterId: "c1" };
const key = { taskId: "t1", attempt: 1 };

const host = {
  cpuPercent: 1,
  load1m: 0,
  load5m: 0,
  load15m: 0,
  memoryTotalBytes: 100,
  memoryAvailableBytes: 50,
  diskTotalBytes: 1_000,
  diskAvailableBytes: 500,
};

/** A registry that accepts everybody and lets the test hear every word. */
async function startRegistry() {
  const ears = createMailbox<SessionRequest["word"]>({ clock: systemClock, limit: 1_000 });
  const server = await startRpcServer({
    ...rpc,
    listen: "127.0.0.1:0",
    mounts: [
      mountService(RegistryService, {
        listWorkers: () => ({}),
        resolveName: () => ({}),
        async *watchWorkers() {},
        async *watchSessions() {},
        async *session(words) {
          for await (const { word } of words) {
            ears.post(word);
            if (word.case === "farewell") return;
            if (word.case === "registration") {
              const [lease, interval] = [durationFromMs(15_000), durationFromMs(5_000)];
              yield { word: { case: "terms", value: { sessionId: "s1", lease, interval } } };
            }
          }
        },
      }),
    ],
  });
  const life = new AbortController();
  const heard = ears.read(life.signal);
  /** The next word that passes. */
  async function hear(passes: (word: SessionRequest["word"]) => boolean) {
    for (;;) {
      const { value } = await heard.next();
      const found = value?.find(passes);
      if (found) return found.value;
      if (!value) throw new Error("the registry has stopped");
    }
  }
  return { server, hear, close: () => Promise.all([server.stop(0), life.abort()]) };
}

let registry: Awaited<ReturnType<typeof startRegistry>>;
let folder: string;
let worker: Running | undefined;
const engine = createFakeEngine(systemClock);

beforeEach(async () => {
  registry = await startRegistry();
  folder = await mkdtemp(join(tmpdir(), "berth-worker-"));
  engine.containers.clear();
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
  await registry.close();
  await rm(folder, { recursive: true });
});

async function start(changes: Partial<WorkerConfig> = {}) {
  const config: WorkerConfig = {
    listen: "127.0.0.1:0",
    registryAddress: registry.server.address,
    hostname: "box",
    labels: { zone: "a" },
    allowHostNetwork: true,
    capacity: { cpuMillis: 500n, custom: new Map([["gpu", { count: 1, ids: ["GPU-a"] }]]) },
    roles: [Role.WORKER],
    version: "1.2.3",
    ...changes,
  };
  worker = await startWorker(config, {
    ...rpc,
    wire: socketWire,
    state: await openStateFolder(folder),
    runtime: createFakeRuntime(engine),
    probes: createFakeProbes(engine),
    glance: createFakeGlance(engine),
    stats: { measure: async () => host },
    random: createSeededRandom(1),
  });
  return worker;
}

function connect(address: string) {
  const channel = openChannel({ ...rpc, address });
  const client = createClient(WorkerService, channel);
  async function waitFor(state: TaskState) {
    for await (const { news } of client.watchTasks(fence)) {
      const reports = news.case === "snapshot" || news.case === "reports" ? news.value.reports : [];
      const found = reports.find(({ status }) => status?.state === state);
      if (found) return found.status;
    }
    throw new Error("the watch ended");
  }
  return { client, waitFor, close: channel.close };
}

test("a worker registers with all that it has", async () => {
  const { address } = await start();
  expect(await registry.hear(({ case: kind }) => kind === "registration")).toMatchObject({
    workerId: expect.stringMatching(/^[a-z0-9-]{1,64}$/),
    description: {
      address,
      os: "linux",
      architecture: "amd64",
      capacity: {
        cpuMillis: 500n,
        memoryBytes: 8n * 2n ** 30n,
        diskBytes: 1_000n,
        custom: { gpu: { count: 1n, ids: ["GPU-a"] } },
      },
      labels: { zone: "a" },
      capabilities: ["network-host"],
      version: "1.2.3",
      roles: [Role.WORKER],
    },
  });
  expect(await registry.hear(({ case: kind }) => kind === "heartbeat")).toMatchObject({
    metrics: { engineHealthy: true, memoryTotalBytes: 100n, taskCount: 0 },
  });
});

test("a port that is served is told to the registry under the advertised address", async () => {
  const { address } = await start({ advertise: "box.example:7072" });
  const { client, close } = connect(address);
  const ports = [{ containerPort: 80, name: "http" }];
  await client.startTask({ ...key, ...fence, spec: { name: "web", image: "web:1", ports } });
  const heartbeat = await registry.hear(
    ({ case: kind, value }) => kind === "heartbeat" && (value.endpoints?.endpoints.length ?? 0) > 0,
  );
  expect(heartbeat).toMatchObject({
    endpoints: { endpoints: [{ name: "web", host: "box.example", portName: "http" }] },
  });
  close();
});

test("a worker that stops says goodbye and leaves containers running; the next adopts them", async () => {
  const first = await start();
  const { client, waitFor, close } = connect(first.address);
  await client.startTask({ ...key, ...fence, spec: { name: "web", image: "web:1" } });
  const before = await waitFor(TaskState.RUNNING);
  close();
  await first.stop();
  await first.ended;
  await registry.hear(({ case: kind }) => kind === "farewell");
  expect(containerFor(engine, key)?.state.kind).toBe("running");

  const second = await start();
  const link = connect(second.address);
  expect(await link.waitFor(TaskState.RUNNING)).toMatchObject({
    containerId: before?.containerId,
    startTime: before?.startTime,
  });
  link.close();
});

test("an address that is none is refused before anything is started", async () => {
  await expect(start({ advertise: "nowhere" })).rejects.toThrow(/not host:port/);
});
