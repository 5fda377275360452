import { create } from "@bufbuild/protobuf";
import {
  type Client,
  ConnectError,
  createRouterTransport,
  type ServiceImpl,
  type Transport,
} from "@connectrpc/connect";
import { afterEach, beforeEach, describe } from "@jest/globals";
import type { CustomCapacity } from "../../core/custom-resources.ts";
import type { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerMetricsSchema } from "../../gen/berth/v1/worker_pb.ts";
import { type AttemptReport, WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { startRpcServer } from "../../lib/rpc/server.ts";
import { mountService } from "../../lib/rpc/service-mount.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { createFakeEngine, type FakeEngine } from "./fake-runtime-engine.ts";
import { createFakeGlance } from "./fake-runtime-usage.ts";
import { createHandlers } from "./handlers.ts";
import { openIdentity } from "./identity.ts";
import { createManagerTouch } from "./manager-touch.ts";
import { createFakeProbes } from "./prober-fake.ts";
import { createReportFeed } from "./reports-feed.ts";
import { createMemoryFolder } from "./state-folder-memory.ts";
import { createSupervisor } from "./supervisor.ts";
import { createUsageRings } from "./usage-rings.ts";
import { createUsageSampler } from "./usage-sampler.ts";
import { openVerdicts } from "./verdicts.ts";
import { createWatchers } from "./watchers.ts";

type Handlers = ServiceImpl<typeof WorkerService>;
type Wire = Readonly<{ transport: Transport; close: () => Promise<void> }>;

/** A worker over a fake engine, and a client of it. */
export type TestWorker = Readonly<{
  engine: FakeEngine;
  client: Client<typeof WorkerService>;
  close: () => Promise<void>;
}>;

const OFFERS: CustomCapacity = new Map([
  ["gpu", { count: 2, ids: ["/dev/gpu0", "GPU-b"] }],
  ["licence", { count: 4, ids: [] }],
]);

/** Who gives orders: the first manager of a cluster. */
export const fence = { epoch: 1n, clusterId: "c1" };

/** A start with nothing wrong, changed by `changes`. */
export const start = (taskId = "t1", changes = {}) => ({
  taskId,
  attempt: 1,
  spec: { name: "web", image: "web:1" },
  ...fence,
  ...changes,
});

const wires = [
  ["in memory", openMemory],
  ["over gRPC", openGrpc],
] as const;

/** Describes the service on both wires; `worker` gives a new one in each test. */
export function describeWorker(what: string, describeIt: (worker: () => TestWorker) => void) {
  describe.each(wires)(`${what} %s`, (_wire, openWire) => {
    let worker: TestWorker;
    beforeEach(async () => {
      worker = await openWorker(openWire);
    });
    afterEach(() => worker.close());
    describeIt(() => worker);
  });
}

async function openWorker(openWire: (handlers: Handlers) => Promise<Wire>): Promise<TestWorker> {
  const clock = systemClock;
  const engine = createFakeEngine(clock);
  const runtime = createFakeRuntime(engine);
  const random = createSeededRandom(1);
  const folder = createMemoryFolder("w1");
  const verdicts = await openVerdicts(folder.verdicts, silentLog);
  const identity = await openIdentity(folder.identity, { workerId: "w1", hostname: "box", random });
  const feed = createReportFeed();
  const probes = createFakeProbes(engine);
  const deps = { runtime, probes, verdicts, clock, random, log: silentLog };
  const onReport = feed.publish;
  const supervisor = createSupervisor({
    ...deps,
    owner: identity.owner,
    engine: () => "fake 1.0",
    onReport,
  });
  const life = new AbortController();
  const supervised = identity.claimed.then(() => supervisor.run(life.signal));
  const watchers = createWatchers({ clock, feed, attempts: supervisor.list });
  const measure = async () => create(WorkerMetricsSchema, { taskCount: supervisor.count });
  const sampler = createUsageSampler({ runtime, clock });
  const glance = createFakeGlance(engine);
  const rings = createUsageRings({ glance, attempts: supervisor.list, clock });
  feed.subscribe(rings.note);
  const handlers = createHandlers(
    {
      ...{ identity, supervisor, watchers, touch: createManagerTouch(clock) },
      ...{ feed, runtime, clock, measure, sampler, rings },
    },
    { allowHostNetwork: false, offers: OFFERS },
  );
  const wire = await openWire(handlers);
  return {
    engine,
    client: createClient(WorkerService, wire.transport),
    async close() {
      await wire.close();
      life.abort();
      if (identity.owner()) await supervised;
    },
  };
}

async function openMemory(handlers: Handlers): Promise<Wire> {
  const transport = createRouterTransport((router) => router.service(WorkerService, handlers));
  return { transport, close: async () => undefined };
}

async function openGrpc(handlers: Handlers): Promise<Wire> {
  const rpc = { clock: systemClock, log: silentLog };
  const mounts = [mountService(WorkerService, handlers)];
  const server = await startRpcServer({ ...rpc, listen: "127.0.0.1:0", mounts });
  const channel = openChannel({ ...rpc, address: server.address });
  return {
    transport: channel,
    async close() {
      channel.close();
      await server.stop(0);
    },
  };
}

/** Watches until an attempt of the task is in a state, and returns its report. */
export async function waitFor(
  { client }: TestWorker,
  taskId: string,
  state: TaskState,
): Promise<AttemptReport> {
  for await (const { news } of client.watchTasks(fence)) {
    const isReports = news.case === "snapshot" || news.case === "reports";
    const reports = isReports ? news.value.reports : [];
    const report = reports.find((r) => r.taskId === taskId && r.status?.state === state);
    if (report) return report;
  }
  throw new Error(`the watch ended before ${taskId} was in state ${state}`);
}

/** What a call failed with; undefined when it succeeded. */
export const errorOf = (call: Promise<unknown>): Promise<ConnectError | undefined> =>
  call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
