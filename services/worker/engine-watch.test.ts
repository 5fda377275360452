import type { ServerResponse } from "node:http";
import { afterEach, expect, test } from "@jest/globals";
import { type Log, silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createDockerRuntime } from "./docker-runtime.ts";
import { type FakeEngine, startFakeEngine } from "./engine-fake.ts";
import { defaultLimits } from "./engine-limits.ts";

const limits = { ...defaultLimits(1), reconnectMsMin: 100, reconnectMsMax: 1000 };
const owner = { clusterId: "c1", workerId: "w1" };

let engine: FakeEngine | undefined;
let control = new AbortController();
afterEach(async () => {
  control.abort();
  await engine?.stop();
  engine = undefined;
});

/** An engine whose streams of events are held open for the test to write to. */
async function watchFake(answerPing: (response: ServerResponse) => void, log: Log = silentLog) {
  control = new AbortController();
  const streams: ServerResponse[] = [];
  engine = await startFakeEngine((asked, response) => {
    if (asked.url.pathname === "/_ping") return answerPing(response);
    streams.push(response);
    response.flushHeaders();
  });
  const clock = createManualClock();
  const { socketPath } = engine;
  const runtime = createDockerRuntime({
    socketPath,
    clock,
    log,
    publishAddress: "127.0.0.1",
    limits,
  });
  const hints = runtime.watch(owner, control.signal)[Symbol.asyncIterator]();
  const next = async () => (await hints.next()).value;
  return { engine, clock, streams, next, hints };
}

const isWell = (response: ServerResponse) => void response.end("OK");

const event = (containerId: string, taskId: string, action = "die") =>
  `${JSON.stringify({
    Action: action,
    Actor: {
      ID: containerId,
      Attributes: { "dev.berth.task": taskId, "dev.berth.attempt": "3", exitCode: "1" },
    },
  })}\n`;

const hint = (containerId: string, taskId: string, kind = "change") => ({
  kind,
  containerId,
  key: { taskId, attempt: 3 },
});

test("asks for the owner's containers, from just before it connected", async () => {
  const { engine, clock, next } = await watchFake(isWell);
  await next();
  const query = engine.asked[0]?.url.searchParams;
  expect(Number(query?.get("since"))).toBe(Math.floor(clock.now() / 1000) - 1);
  expect(JSON.parse(query?.get("filters") ?? "")).toEqual({
    type: ["container"],
    event: ["create", "start", "oom", "die", "stop", "destroy"],
    label: ["dev.berth.cluster=c1", "dev.berth.worker=w1"],
  });
});

test("begins with a resync, then hints at each container once a turn", async () => {
  const { streams, next } = await watchFake(isWell);
  expect(await next()).toEqual({ kind: "resync" });
  streams[0]?.write(event("a", "t1") + event("b", "t2") + event("a", "t1"));
  expect(await next()).toEqual(hint("a", "t1"));
  expect(await next()).toEqual(hint("b", "t2"));
  streams[0]?.write(event("c", "t3"));
  expect(await next()).toEqual(hint("c", "t3"));
});

test("tells a beginning from what may have ended a container in the same turn", async () => {
  const { streams, next } = await watchFake(isWell);
  await next();
  streams[0]?.write(event("a", "t1") + event("a", "t1", "start"));
  expect(await next()).toEqual(hint("a", "t1"));
  expect(await next()).toEqual(hint("a", "t1", "begin"));
});

test("passes over events of containers that carry no labels of Berth", async () => {
  const { streams, next } = await watchFake(isWell);
  await next();
  streams[0]?.write('{"Action":"die","Actor":{"ID":"x","Attributes":{}}}\n{}\n');
  streams[0]?.write(event("a", "t1"));
  expect(await next()).toEqual(hint("a", "t1"));
});

test("asks for a resync after a line it cannot read", async () => {
  const { streams, next } = await watchFake(isWell);
  await next();
  streams[0]?.write(`half a line\n`);
  expect(await next()).toEqual({ kind: "resync" });
});

test("reconnects, ever more slowly while connections break at once, and resyncs each time", async () => {
  const { engine, clock, streams, next } = await watchFake(isWell);
  const startMs = clock.monotonic();
  expect(await next()).toEqual({ kind: "resync" });
  for (const delayMs of [100, 200, 400, 800, 1000, 1000]) {
    const again = next();
    streams.at(-1)?.destroy();
    while (clock.sleeperCount === 0 || engine.asked.length < streams.length) await clock.turn();
    for (let turn = 0; turn < 50; turn++) await clock.turn();
    await clock.advance(delayMs);
    expect(await again).toEqual({ kind: "resync" });
  }
  expect(clock.monotonic() - startMs).toBe(3500);
});

test("breaks with an engine that gives no sign of life", async () => {
  let isHanging = true;
  const { engine, clock, next } = await watchFake((response) => {
    if (!isHanging) isWell(response);
  });
  await next();
  const again = next();
  await clock.advance(limits.probeMs);
  await engine.hasBeenAsked(/_ping/);
  isHanging = false;
  await clock.advance(10_000);
  await clock.advance(limits.reconnectMsMax);
  expect(await again).toEqual({ kind: "resync" });
  expect(engine.asked.map(({ url }) => url.pathname)).toEqual(["/events", "/_ping", "/events"]);
});

test("keeps a quiet stream of an engine that is well", async () => {
  const { engine, clock, streams, next } = await watchFake(isWell);
  await next();
  for (let count = 1; count <= 5; count++) {
    await clock.advance(limits.probeMs);
    await engine.hasBeenAsked(/_ping/, count);
    for (let turn = 0; turn < 50; turn++) await clock.turn();
  }
  expect(streams).toHaveLength(1);
});

test("ends when nobody wants it any more, without a warning", async () => {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (_, message) => warnings.push(message), child: () => log };
  const { clock, next, hints } = await watchFake(isWell, log);
  await next();
  const last = hints.next();
  control.abort();
  expect(await last).toEqual({ done: true, value: undefined });
  expect(warnings).toEqual([]);
  expect(clock.sleeperCount).toBe(0);
});

test("a consumer that stops early leaves no connection behind", async () => {
  const { engine, hints, clock } = await watchFake(isWell);
  await hints.next();
  await hints.return?.();
  while ((await engine.connectionCount()) > 0) await clock.turn();
});
