import type { Client } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { silentLog as log } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { socketWire as wire } from "../../lib/rpc/wire.ts";
import { createOtlpExporter, type OtlpExporter } from "../../lib/trace/otlp-exporter.ts";
import { createOtlpPost } from "../../lib/trace/otlp-post.ts";
import { createTracer } from "../../lib/trace/tracer.ts";
import { startSharedManager } from "../../services/manager/shared-manager.ts";
import { startRegistry } from "../../services/registry/registry.ts";
import { startHollowWorkers } from "../../services/worker/hollow-workers.ts";
import { createFakePortProbes } from "../../services/worker/prober-fake.ts";
import { createSimulatedStore, type SimulatedStore } from "../../sim/shared-store.ts";
import { aSpec } from "../builders.ts";
import { type CollectedSpan, startCollector } from "../otlp-collector.ts";
import { createFastClock } from "./fast-clock.ts";

/** What a caller says of the span that it submits in. */
const CALLER = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
const SAMPLED = `00-${CALLER.traceId}-${CALLER.spanId}-01`;

type Manager = Readonly<{ running: Running; client: Client<typeof ManagerService> }>;

let clock: Clock;
let store: SimulatedStore;
let collector: Awaited<ReturnType<typeof startCollector>>;
let exporters: OtlpExporter[];
let running: Running[];
let closers: (() => void)[];
let leader: Manager;
let standby: Manager;

beforeEach(async () => {
  clock = createFastClock();
  store = createSimulatedStore({ clock, ttlMs: 10_000, limits: { operations: 20, bytes: 1e6 } });
  collector = await startCollector();
  [exporters, running, closers] = [[], [], []];
  const registry = await startRegistry({ listen: "127.0.0.1:0", leaseMs: 120_000 }, deps(1));
  running.push(registry);
  leader = await startManager(registry.address, 2);
  await until(() => store.leader()?.name === leader.running.address);
  standby = await startManager(registry.address, 3);
  const workers = await startHollowWorkers(
    {
      ...{ listen: "127.0.0.1:0", registryAddress: registry.address, labels: {} },
      ...{ allowHostNetwork: false, capacity: {}, roles: [Role.WORKER], version: "test" },
      ...{ count: 1, idPrefix: "hollow" },
    },
    deps(4),
  );
  running.push(workers);
});

afterEach(async () => {
  for (const close of closers) close();
  for (const each of running.toReversed()) await each.stop();
  for (const exporter of exporters) await exporter.close();
  await collector.close();
});

/** Each process has a tracer of its own. */
function deps(seed: number, ratio = 1) {
  const random = createSeededRandom(seed);
  const post = createOtlpPost({ url: `${collector.url}/v1/traces`, headers: {} });
  const exporter = createOtlpExporter({ post, resource: {}, clock, random, log });
  exporters.push(exporter);
  return {
    wire,
    clock,
    random,
    log,
    tracer: createTracer({ sink: exporter, ratio, clock, random }),
  };
}

async function startManager(registryAddress: string, seed: number): Promise<Manager> {
  const config = {
    ...{ listen: "127.0.0.1:0", registryAddress, advertise: undefined },
    ...{ defaultScheduler: "spread", version: "test" },
  };
  const { shared } = store.open(clock);
  const probes = createFakePortProbes(() => []);
  const manager = await startSharedManager(config, { ...deps(seed, 0), shared, probes });
  running.push(manager);
  const channel = openChannel({ address: manager.address, clock, log, timeoutMs: 60_000 });
  closers.push(channel.close);
  return { running: manager, client: createClient(ManagerService, channel) };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (;;) {
    if (await isSo()) return;
    await clock.sleep(20);
  }
}

async function submit({ client }: Manager, image: string, headers: HeadersInit): Promise<Task> {
  const restartPolicy = { mode: RestartMode.ON_FAILURE };
  const request = { spec: aSpec({ image, restartPolicy }, "web"), requestId: `submit-${image}` };
  const { task } = await client.submitTask(request, { headers });
  if (!task) throw new Error("a submit is answered with its task");
  return task;
}

const whenTask = (id: string, isSo: (task: Task) => boolean) =>
  until(async () => {
    const { task } = await leader.client.getTask({ taskId: id });
    return task !== undefined && isSo(task);
  });

/** Spans of a task, once there are as many of this name. */
async function spansOf(taskId: string, name: string, count = 1) {
  const named = () => collector.spans.filter((span) => span.name === name && isOf(span, taskId));
  await until(() => named().length >= count);
  return named().toSorted((a, b) => attemptOf(a) - attemptOf(b));
}

const isOf = ({ attributes }: CollectedSpan, taskId: string) =>
  attributes["berth.task.id"] === taskId;
const attemptOf = ({ attributes }: CollectedSpan) => Number(attributes["berth.attempt"]);

test("a submit through a manager that does not lead is one trace until the container runs", async () => {
  const { id } = await submit(standby, "web:remote", { traceparent: SAMPLED });
  await whenTask(id, ({ state }) => state === TaskState.RUNNING);
  const [run] = await spansOf(id, "worker.run_attempt");
  const trace = collector.spans.filter((span) => span.traceId === CALLER.traceId);
  const [passedOn, answered] = trace
    .filter(({ name }) => name.endsWith("/SubmitTask"))
    .toSorted((a, b) => Number(a.startNano - b.startNano));
  const [placed] = await spansOf(id, "manager.schedule");

  // Each is below the one before, and the first below the caller's own.
  const path = [passedOn, answered, placed, run];
  expect(path.map((span) => span?.parentSpanId)).toEqual([
    CALLER.spanId,
    ...path.slice(0, -1).map((span) => span?.spanId),
  ]);
  expect(path.map((span) => span?.service)).toEqual([
    "berth-manager",
    "berth-manager",
    "berth-manager",
    "berth-worker",
  ]);
  expect(answered).toMatchObject({
    kind: 2,
    attributes: {
      "rpc.system.name": "grpc",
      "rpc.method": "berth.v1.ManagerService/SubmitTask",
      "rpc.response.status_code": "OK",
    },
  });
  const steps = trace
    .filter(({ parentSpanId }) => parentSpanId === run?.spanId)
    .toSorted((a, b) => Number(a.startNano - b.startNano));
  expect(steps.map(({ name, error }) => [name, error])).toEqual([
    ["docker.create", "the image is not here yet"],
    ["docker.pull", undefined],
    ["docker.create", undefined],
    ["docker.start", undefined],
  ]);
  for (const span of trace) expect(span.endNano).toBeGreaterThanOrEqual(span.startNano);
});

test("an attempt after a failed one begins a trace, which links to the submit and to that one", async () => {
  const task = await submit(leader, "web:nostart", { traceparent: SAMPLED });
  const [first, second] = await spansOf(task.id, "manager.schedule", 2);
  expect(first).toMatchObject({ traceId: CALLER.traceId, links: [] });
  expect(second?.traceId).not.toBe(CALLER.traceId);
  expect(second?.parentSpanId).toBeUndefined();
  const [, , submitId] = task.traceparent.split("-");
  expect(second?.links).toMatchObject([
    { traceId: CALLER.traceId, spanId: submitId },
    { traceId: CALLER.traceId, spanId: first?.spanId },
  ]);
  const [, run] = await spansOf(task.id, "worker.run_attempt", 2);
  expect(run).toMatchObject({
    traceId: second?.traceId,
    parentSpanId: second?.spanId,
    error: "start failed",
  });
});

test("what a caller does not want recorded is not, and its name is kept all the same", async () => {
  const unsampled = SAMPLED.replace(/01$/, "00");
  const quiet = await submit(standby, "web:quiet", { traceparent: unsampled });
  expect(quiet.traceparent).toBe(unsampled);
  const untraced = await submit(leader, "web:untraced", {});
  expect(untraced.traceparent).toBe("");
  const malformed = await submit(leader, "web:malformed", { traceparent: "00-zz-zz-01" });
  expect(malformed.traceparent).toBe("");
  const loud = await submit(leader, "web:loud", { traceparent: SAMPLED });
  await spansOf(loud.id, "worker.run_attempt");
  for (const { id } of [quiet, untraced, malformed])
    expect(collector.spans.filter((span) => isOf(span, id))).toEqual([]);
});

test("how many spans were sent and dropped is among the metrics", async () => {
  const { id } = await submit(leader, "web:counted", { traceparent: SAMPLED });
  await spansOf(id, "worker.run_attempt");
  const page = await (await fetch(`http://${leader.running.address}/metrics`)).text();
  const exported = /berth_trace_spans_exported_total (\d+)/.exec(page)?.[1];
  expect(Number(exported)).toBeGreaterThan(0);
  expect(page).toContain('berth_trace_spans_dropped_total{reason="queue_full"} 0');
});
