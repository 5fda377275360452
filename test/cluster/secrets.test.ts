import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { type TaskSpecSchema, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { createLog } from "../../lib/pino-log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { type Channel, openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { socketWire as wire } from "../../lib/rpc/wire.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import { createOtlpExporter, type OtlpExporter } from "../../lib/trace/otlp-exporter.ts";
import { createOtlpPost } from "../../lib/trace/otlp-post.ts";
import { createTracer } from "../../lib/trace/tracer.ts";
import { startManager } from "../../services/manager/manager.ts";
import { startRegistry } from "../../services/registry/registry.ts";
import { startHollowWorkers } from "../../services/worker/hollow-workers.ts";
import { createFakePortProbes } from "../../services/worker/prober-fake.ts";
import { startCollector } from "../otlp-collector.ts";
import { createFastClock } from "./fast-clock.ts";

/** What nobody but the task and who asks for it may see. None is part of another. */
const PASSWORD = "hunter2-password";
const TOKEN = "s3cr3t-token";
const HEADER = "b34r3r-header";
const DIGITS = 98_761_234;
const SECRETS = [PASSWORD, TOKEN, HEADER, String(DIGITS)];

const clock = createFastClock();
const folder = mkdtempSync(join(tmpdir(), "berth-secrets-"));
const fd = openSync(join(folder, "log"), "w");
const log = createLog("debug", fd);
const random = createSeededRandom(1);
/** What callers were answered that were refused. */
const refusals: string[] = [];

let collector: Awaited<ReturnType<typeof startCollector>>;
let exporter: OtlpExporter;
let running: Record<"registry" | "manager" | "worker", Running>;
let channel: Channel;
let client: Client<typeof ManagerService>;

beforeAll(async () => {
  collector = await startCollector();
  const post = createOtlpPost({ url: `${collector.url}/v1/traces`, headers: { token: HEADER } });
  exporter = createOtlpExporter({ post, resource: {}, clock, random, log });
  const tracer = createTracer({ sink: exporter, ratio: 1, clock, random });
  const deps = { wire, clock, random, log, tracer };
  const listen = "127.0.0.1:0";
  const registry = await startRegistry({ listen, leaseMs: 120_000 }, deps);
  const registryAddress = registry.address;
  const store = createMemoryStore();
  const probes = createFakePortProbes(() => []);
  const manager = await startManager(
    { listen, registryAddress, defaultScheduler: "spread", version: "test" },
    { ...deps, store, probes },
  );
  const worker = await startHollowWorkers(
    {
      ...{ listen, registryAddress, labels: {}, allowHostNetwork: false, capacity: {} },
      ...{ roles: [Role.WORKER], version: "test", count: 1, idPrefix: "hollow" },
    },
    deps,
  );
  running = { registry, manager, worker };
  channel = openChannel({ address: manager.address, clock, log, timeoutMs: 60_000 });
  client = createClient(ManagerService, channel);
});

afterAll(async () => {
  channel.close();
  for (const each of [running.worker, running.manager, running.registry]) await each.stop();
  await exporter.close();
  await collector.close();
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

type Spec = MessageInitShape<typeof TaskSpecSchema>;

const secretSpec = (init: Spec): Spec => ({
  env: { PASSWORD, DSN: `postgres://me:${PASSWORD}@db/shop` },
  command: ["serve"],
  args: [`--token=${TOKEN}`],
  ...init,
});

const headers = { authorization: `Bearer ${HEADER}`, "x-request-id": "r1" };

/** Submits a task and waits until it is where it should be. Answers with its ID. */
async function run(init: Spec, state: TaskState): Promise<string> {
  const { task } = await client.submitTask({ spec: secretSpec(init) }, { headers });
  const taskId = task?.id ?? "";
  for (;;) {
    const { task: now } = await client.getTask({ taskId });
    if (now?.state === state) return taskId;
    await clock.sleep(20);
  }
}

async function refused(call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => new Error("it was not refused"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConnectError);
  const { message, details } = error as ConnectError;
  const bytes = details.flatMap((detail) =>
    "value" in detail && detail.value instanceof Uint8Array
      ? [Buffer.from(detail.value).toString("latin1")]
      : [JSON.stringify(detail)],
  );
  refusals.push(message, ...bytes);
}

/**
 * As a script would, on both of the ways that JSON takes. What Connect itself refuses it quotes, to
 * nobody but its caller; of that only the log is looked at.
 */
async function refusedJson(body: string): Promise<void> {
  for (const path of ["/tasks", "/berth.v1.ManagerService/SubmitTask"]) {
    const answer = await fetch(`http://${running.manager.address}${path}`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body,
    });
    expect([path, answer.status]).toEqual([path, 400]);
    if (path === "/tasks") refusals.push(await answer.text());
  }
}

const textOf = async ({ address }: Running, path: string) =>
  (await fetch(`http://${address}${path}`, { headers })).text();

test("secrets of a task stay out of logs, traces, metrics, events and refusals", async () => {
  const running1 = await run({ name: "web", image: "web:1" }, TaskState.RUNNING);
  const failing = await run({ name: "bad", image: "web:nostart" }, TaskState.FAILED);
  const livenessProbe = {
    ...{ interval: { seconds: 1n }, timeout: { seconds: 1n }, failureThreshold: 1 },
    check: { case: "exec" as const, value: { command: ["ask", TOKEN] } },
  };
  const sick = await run(
    { name: "sick", image: "web:unhealthy-after-10", livenessProbe },
    TaskState.FAILED,
  );

  const bad = (init: Spec) => refused(client.submitTask({ spec: secretSpec(init) }, { headers }));
  await bad({ image: "web:1", env: { "not a name": PASSWORD } });
  await bad({ image: "web:1", env: { A: `${PASSWORD}\0` } });
  await bad({ image: "web:1", env: { A: PASSWORD.repeat(10_000) } });
  await bad({ image: "web:1", args: [`${TOKEN}\0`] });
  await bad({ image: "web:1", args: [TOKEN.repeat(10_000)] });
  await bad({ image: "no image" });
  await bad({ image: "web:1", scheduler: "nobody" });

  const json = (spec: object) => refusedJson(JSON.stringify({ spec: { image: "web:1", ...spec } }));
  await json({ env: { PASSWORD: [PASSWORD] } });
  await json({ env: { PIN: DIGITS } });
  await json({ env: PASSWORD });
  await json({ args: `--token=${TOKEN}` });
  await json({ command: [DIGITS] });
  await refusedJson(`{"spec":{"env":{"PASSWORD":"${PASSWORD}"`);
  await refusedJson(`{"spec":{"args":[${TOKEN}]}}`);

  async function* words() {
    const process = { command: ["sh", TOKEN], env: { "not a name": PASSWORD } };
    const value = { taskId: running1, process };
    yield { word: { case: "start" as const, value } };
  }
  const talk = async () => {
    for await (const _ of client.execTask(words(), { headers }));
  };
  await refused(talk());

  const told = [
    ...refusals,
    ...(await Promise.all(Object.values(running).map((each) => textOf(each, "/metrics")))),
    await textOf(running.manager, "/prometheus/targets"),
  ];
  for (const taskId of [running1, failing, sick])
    for (const { reason } of (await client.listTaskEvents({ taskId })).events) told.push(reason);
  while (!collector.spans.some(({ name }) => name === "docker.start")) await clock.sleep(20);
  const written = readFileSync(join(folder, "log"), "utf8");
  const traced = collector.bodies.join("\n");

  // So that this test finds what it looks for where it would be.
  expect(written).toContain("task state changed");
  expect(written).toContain("probe not passed");
  expect(written).toContain("rpc finished");
  expect(traced).toContain("worker.run_attempt");
  expect(refusals.length).toBeGreaterThan(20);
  for (const secret of SECRETS)
    for (const text of [...told, ...written.split("\n"), ...traced.split("\n")])
      if (text.includes(secret)) throw new Error(`${secret} is told: ${text.slice(0, 2_000)}`);
});

test("lines about an attempt, and about the call that made it, have the names of both", async () => {
  const taskId = await run({ name: "named", image: "web:1" }, TaskState.RUNNING);
  const lines = readFileSync(join(folder, "log"), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const moves = lines.filter((line) => isMoveOf(taskId, line));
  expect(moves.length).toBeGreaterThan(0);
  const { task } = await client.getTask({ taskId });
  const [, traceId] = task?.traceparent.split("-") ?? [];
  for (const line of moves)
    expect(line).toMatchObject({ taskId, attempt: 1, workerId: "hollow-0001", traceId });
  const submits = lines.filter(({ msg, traceId: id }) => msg === "rpc finished" && id === traceId);
  expect(submits).toMatchObject([
    { method: "berth.v1.ManagerService/SubmitTask", requestId: "r1", code: "OK" },
  ]);
});

test("what an operator decides is logged under the name of the request", async () => {
  const settings = { reason: "a disk" };
  const request = { workerId: "hollow-0001", updateMask: { paths: ["reason"] }, settings };
  await client.updateWorker({ ...request, requestId: "update-7" });
  const lines = readFileSync(join(folder, "log"), "utf8").split("\n");
  const [line = "{}"] = lines.filter((each) => each.includes("worker settings changed"));
  expect(JSON.parse(line)).toMatchObject({ workerId: "hollow-0001", requestId: "update-7" });
});

test("what is refused over HTTP comes back under its caller's name for it", async () => {
  const named = { "x-request-id": "r7" };
  const url = `http://${running.manager.address}/tasks`;
  const json = { ...named, "content-type": "application/json" };
  const malformed = fetch(url, { method: "POST", body: "{", headers: json });
  for (const answer of [await fetch(`${url}/none`, { headers: named }), await malformed]) {
    expect(answer.ok).toBe(false);
    expect(answer.headers.get("x-request-id")).toBe("r7");
  }
});

const isMoveOf = (taskId: string, line: Record<string, unknown>): boolean =>
  ["task state changed", "task considered"].includes(String(line["msg"])) &&
  line["taskId"] === taskId;
