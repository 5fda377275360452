import { create } from "@bufbuild/protobuf";
import {
  type Client,
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type ServiceImpl,
  type Transport,
} from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { NetworkMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerMetricsSchema } from "../../gen/berth/v1/worker_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { reasonOf } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { startRpcServer } from "../../lib/rpc/server.ts";
import { mountService } from "../../lib/rpc/service-mount.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { createFakeEngine, type FakeEngine } from "./fake-runtime-engine.ts";
import { containerFor, exitProcess, writeOutput } from "./fake-runtime-faults.ts";
import { createHandlers } from "./handlers.ts";
import { LOG_STREAMS_MAX } from "./handlers-logs.ts";
import { openIdentity } from "./identity.ts";
import { createReportFeed } from "./reports-feed.ts";
import { createSupervisor } from "./supervisor.ts";
import { createWatchers } from "./watchers.ts";

type Wire = Readonly<{ transport: Transport; close: () => Promise<void> }>;
type Handlers = ServiceImpl<typeof WorkerService>;

const wires = [
  ["in memory", openMemory],
  ["over gRPC", openGrpc],
] as const;

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

/** A worker's handlers over a fake engine. */
async function openWorker(openWire: (handlers: Handlers) => Promise<Wire>) {
  const clock = systemClock;
  const engine = createFakeEngine(clock);
  const runtime = createFakeRuntime(engine);
  const random = createSeededRandom(1);
  const file = { path: "worker.json", read: async () => undefined, write: async () => undefined };
  const identity = await openIdentity(file, { workerId: "w1", hostname: "box", random });
  const feed = createReportFeed();
  const deps = { runtime, clock, random, log: silentLog };
  const onReport = feed.publish;
  const supervisor = createSupervisor({ ...deps, owner: identity.owner, onReport });
  const life = new AbortController();
  const supervised = identity.claimed.then(() => supervisor.run(life.signal));
  const watchers = createWatchers({ clock, feed, attempts: supervisor.list });
  const measure = async () => create(WorkerMetricsSchema, { taskCount: supervisor.count });
  const handlers = createHandlers(
    { identity, supervisor, watchers, feed, runtime, measure },
    { allowHostNetwork: false },
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

const fence = { epoch: 1n, clusterId: "c1" };
const start = (taskId = "t1", changes = {}) => ({
  taskId,
  attempt: 1,
  spec: { name: "web", image: "web:1" },
  ...fence,
  ...changes,
});

const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
const fieldsOf = (error: ConnectError | undefined) =>
  error
    ?.findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field));

describe.each(wires)("WorkerService %s", (_name, openWire) => {
  let engine: FakeEngine;
  let client: Client<typeof WorkerService>;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ engine, client, close } = await openWorker(openWire));
  });
  afterEach(() => close());

  /** Watches until an attempt of the task is in a state, and returns its report. */
  async function waitFor(taskId: string, state: TaskState) {
    const found = new AbortController();
    try {
      for await (const { news } of client.watchTasks(fence, { signal: found.signal })) {
        const isReports = news.case === "snapshot" || news.case === "reports";
        const reports = isReports ? news.value.reports : [];
        const report = reports.find((r) => r.taskId === taskId && r.status?.state === state);
        if (report) return report;
      }
    } finally {
      found.abort();
    }
    throw new Error(`the watch ended before ${taskId} was in state ${state}`);
  }

  test("a start is accepted, then the container runs", async () => {
    await client.startTask(start());
    const report = await waitFor("t1", TaskState.RUNNING);
    expect(report).toMatchObject({ attempt: 1, name: "web" });
    expect(report.status?.containerId).toBe(containerFor(engine, { taskId: "t1", attempt: 1 })?.id);
  });

  test("a start repeated, also after the end, changes nothing", async () => {
    await client.startTask(start("t1", { spec: { image: "web:after-1" } }));
    await waitFor("t1", TaskState.COMPLETED);
    await client.startTask(start("t1"));
    const { reports } = await client.listTasks({});
    expect(reports.map(({ status }) => status?.state)).toEqual([TaskState.COMPLETED]);
  });

  test("a stop of an unknown attempt succeeds, as does forgetting it", async () => {
    await client.stopTask({ taskId: "nobody", attempt: 1, ...fence });
    await client.forgetTask({ taskId: "nobody", attempt: 1, ...fence });
  });

  test("an attempt is started, stopped and forgotten", async () => {
    await client.startTask(start());
    await waitFor("t1", TaskState.RUNNING);
    const name = { taskId: "t1", attempt: 1, ...fence };
    const early = await errorOf(client.forgetTask(name));
    expect([early?.code, reasonOf(early)]).toEqual([Code.FailedPrecondition, "ATTEMPT_NOT_ENDED"]);
    await client.stopTask(name);
    await waitFor("t1", TaskState.STOPPED);
    await client.forgetTask(name);
    expect((await client.listTasks({})).reports).toEqual([]);
  });

  test("a batch tells each entry's fate", async () => {
    const { results } = await client.startTasks({
      requests: [
        start("a"),
        start("B!"),
        start("c", { epoch: 0n }),
        start("d", { clusterId: "c2" }),
        start("e", { spec: { image: "web:1", networkMode: NetworkMode.HOST } }),
      ],
    });
    expect(results.map(({ taskId, error }) => [taskId, error?.code])).toEqual([
      ["a", undefined],
      ["B!", Code.InvalidArgument],
      ["c", Code.InvalidArgument],
      ["d", Code.FailedPrecondition],
      ["e", Code.PermissionDenied],
    ]);
    expect(results.at(-1)?.error?.details.length).toBeGreaterThan(0);
  });

  test("a batch that is too long is refused as a whole", async () => {
    const requests = Array.from({ length: 1_001 }, (_, i) => ({
      taskId: `t${i}`,
      attempt: 1,
      ...fence,
    }));
    expect(fieldsOf(await errorOf(client.forgetTasks({ requests })))).toEqual(["requests"]);
  });

  test("every bad field is named", async () => {
    const error = await errorOf(client.startTask({ taskId: "", attempt: 0, epoch: -1n }));
    expect(error?.code).toBe(Code.InvalidArgument);
    expect(fieldsOf(error)).toEqual(["task_id", "attempt", "cluster_id", "epoch", "spec"]);
  });

  test("a stop with an absurd grace is refused", async () => {
    const grace = { seconds: -1n, nanos: 0 };
    const call = client.stopTask({ taskId: "t1", attempt: 1, ...fence, grace });
    expect(fieldsOf(await errorOf(call))).toEqual(["grace"]);
  });

  test("an older epoch is refused once a newer one has spoken", async () => {
    await client.stopTask({ taskId: "t1", attempt: 1, ...fence, epoch: 7n });
    const error = await errorOf(client.startTask(start("t1", { epoch: 6n })));
    expect([error?.code, reasonOf(error)]).toEqual([Code.FailedPrecondition, "STALE_EPOCH"]);
    expect((await client.listTasks({})).reports).toEqual([]);
  });

  test("another cluster is refused on every way in", async () => {
    await client.startTask(start());
    const foreign = { ...fence, clusterId: "c2" };
    const watch = async () => {
      for await (const _ of client.watchTasks(foreign)) break;
    };
    for (const call of [
      client.startTask(start("t2", foreign)),
      client.stopTask({ taskId: "t1", attempt: 1, ...foreign }),
      client.forgetTask({ taskId: "t1", attempt: 1, ...foreign }),
      watch(),
    ])
      expect(reasonOf(await errorOf(call))).toBe("FOREIGN_CLUSTER");
  });

  test("a newer epoch ends the watch of an older one", async () => {
    const watch = client.watchTasks(fence)[Symbol.asyncIterator]();
    await watch.next();
    await client.stopTask({ taskId: "t1", attempt: 1, ...fence, epoch: 2n });
    expect(reasonOf(await errorOf(watch.next()))).toBe("STALE_EPOCH");
  });

  test("a host network is refused unless the worker allows it", async () => {
    const spec = { image: "web:1", networkMode: NetworkMode.HOST };
    const error = await errorOf(client.startTask(start("t1", { spec })));
    expect([error?.code, reasonOf(error)]).toEqual([Code.PermissionDenied, "HOST_NETWORK_DENIED"]);
  });

  test("a list is paged in the order of tasks", async () => {
    await client.startTasks({ requests: ["c", "a", "b"].map((id) => start(id)) });
    const first = await client.listTasks({ pageSize: 2 });
    const second = await client.listTasks({ pageSize: 2, pageToken: first.nextPageToken });
    const idsOf = ({ reports }: typeof first) => reports.map(({ taskId }) => taskId);
    expect([idsOf(first), idsOf(second)]).toEqual([["a", "b"], ["c"]]);
    expect(second.nextPageToken).toBe("");
  });

  test("a page that cannot be is refused", async () => {
    const error = await errorOf(client.listTasks({ pageSize: -1, pageToken: "?" }));
    expect(fieldsOf(error)).toEqual(["page_size", "page_token"]);
  });

  test("the machine is measured on request", async () => {
    await client.startTask(start());
    expect((await client.getStats({})).metrics?.taskCount).toBe(1);
  });

  describe("logs", () => {
    const key = { taskId: "t1", attempt: 1 };
    const textOf = async (request: Parameters<typeof client.streamTaskLogs>[0]) => {
      let text = "";
      for await (const { entries } of client.streamTaskLogs(request))
        for (const { data } of entries) text += new TextDecoder().decode(data);
      return text;
    };

    test("are what the container wrote", async () => {
      await client.startTask(start());
      await waitFor("t1", TaskState.RUNNING);
      writeOutput(engine, key, "two\n");
      expect(await textOf(key)).toBe("started\ntwo\n");
      expect(await textOf({ ...key, tail: 1 })).toBe("two\n");
      expect(await textOf({ ...key, streams: [LogStream.STDERR] })).toBe("");
    });

    test("are followed from before the start to the end", async () => {
      await client.startTask(start("t1", { spec: { image: "web:pull-50" } }));
      const text = textOf({ ...key, follow: true });
      await waitFor("t1", TaskState.RUNNING);
      writeOutput(engine, key, "more\n");
      exitProcess(engine, key, 0);
      expect(await text).toBe("started\nmore\n");
    });

    test("of an unknown attempt are not found", async () => {
      await client.startTask(start());
      const error = await errorOf(textOf({ taskId: "t2", attempt: 1 }));
      expect([error?.code, reasonOf(error)]).toEqual([Code.NotFound, "ATTEMPT_NOT_FOUND"]);
    });

    test("of an attempt that never had a container say why there are none", async () => {
      await client.startTask(start("t1", { spec: { image: "web:missing" } }));
      await waitFor("t1", TaskState.FAILED);
      const error = await errorOf(textOf({ ...key, follow: true }));
      expect(reasonOf(error)).toBe("NO_CONTAINER");
      expect(error?.rawMessage).toContain("no image web:missing");
    });

    test("are given to so many readers at once", async () => {
      await client.startTask(start());
      await waitFor("t1", TaskState.RUNNING);
      const readers = Array.from({ length: LOG_STREAMS_MAX }, () =>
        client.streamTaskLogs({ ...key, follow: true })[Symbol.asyncIterator](),
      );
      await Promise.all(readers.map((reader) => reader.next()));
      expect(reasonOf(await errorOf(textOf(key)))).toBe("TOO_MANY_LOG_STREAMS");
      exitProcess(engine, key, 0);
      for (const reader of readers) while (!(await reader.next()).done);
      expect(await textOf(key)).toBe("started\n");
    });
  });
});
