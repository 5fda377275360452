import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "@jest/globals";
import { ProbeFrom, type ProbeSchema } from "../../gen/berth/v1/probe_pb.ts";
import { FailureReason, Health, TaskSpecSchema, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { endpointsOf } from "./endpoints.ts";
import { breakEngine, containerFor, exitProcess, sicken } from "./fake-runtime-faults.ts";
import { key, machine } from "./supervisor-test-machine.ts";

type ProbeInit = Omit<MessageInitShape<typeof ProbeSchema>, "$typeName">;

const probe = (changes: ProbeInit = {}) => ({
  check: { case: "http" as const, value: { port: 80 } },
  interval: durationFromMs(1_000),
  timeout: durationFromMs(500),
  failureThreshold: 2,
  ...changes,
});

const specOf = (image: string, probes: object) =>
  create(TaskSpecSchema, {
    name: "web",
    image,
    ports: [{ containerPort: 80, name: "http" }],
    ...probes,
  });

async function started(image: string, probes: object) {
  const box = machine();
  const supervisor = await box.boot();
  supervisor.start(key, specOf(image, probes));
  await box.clock.advance(1);
  return { ...box, supervisor, endpoints: () => endpointsOf(supervisor.list(), "10.0.0.7") };
}

describe("a liveness probe", () => {
  const livenessProbe = probe();

  test("makes a running attempt healthy, and says so once", async () => {
    const { clock, reports, last } = await started("web:1", { livenessProbe });
    expect(last()).toMatchObject({ health: Health.STARTING, ready: true });
    await clock.advance(60_000);
    expect(last()).toMatchObject({ state: TaskState.RUNNING, health: Health.HEALTHY, ready: true });
    expect(reports.filter(({ health }) => health === Health.HEALTHY)).toHaveLength(1);
  });

  test("that fails for good ends the attempt as UNHEALTHY, and its container is kept", async () => {
    const image = "web:unhealthy-after-5000";
    const { clock, engine, reports, last } = await started(image, { livenessProbe });
    await clock.advance(10_000);
    const message = "liveness probe: not healthy any more";
    const dying = reports.filter(({ health }) => health === Health.UNHEALTHY);
    expect(dying.map(({ state }) => state)).toEqual([
      TaskState.RUNNING,
      TaskState.STOPPING,
      TaskState.FAILED,
    ]);
    expect(last()).toMatchObject({
      exitCode: 143,
      probeMessage: message,
      ready: false,
      failure: { reason: FailureReason.UNHEALTHY, message },
    });
    expect(containerFor(engine, key)?.state.kind).toBe("exited");
  });

  test("gives the container its grace", async () => {
    const image = "web:unhealthy-after-0.ignores";
    const stopGrace = durationFromMs(30_000);
    const { clock, last } = await started(image, { livenessProbe, stopGrace });
    await clock.advance(10_000);
    expect(last()?.state).toBe(TaskState.STOPPING);
    await clock.advance(30_000);
    expect(last()).toMatchObject({ state: TaskState.FAILED, exitCode: 137 });
  });

  test("that gets no answer fails", async () => {
    const { clock, last } = await started("web:deaf", { livenessProbe });
    await clock.advance(5_000);
    expect(last()?.failure?.reason).toBe(FailureReason.UNHEALTHY);
  });

  test("of the manager is none of the worker's business", async () => {
    const probes = { livenessProbe: probe({ probeFrom: ProbeFrom.MANAGER }) };
    const { clock, last } = await started("web:unhealthy-after-0", probes);
    await clock.advance(60_000);
    expect(last()).toMatchObject({
      state: TaskState.RUNNING,
      health: Health.UNSPECIFIED,
      ready: true,
    });
  });

  test("leaves no timer behind when the attempt has ended", async () => {
    const { clock, engine, supervisor, last } = await started("web:1", { livenessProbe });
    await clock.advance(10_000);
    exitProcess(engine, key, 0);
    await clock.advance(1);
    expect(last()?.state).toBe(TaskState.COMPLETED);
    const idle = await started("web:1", {});
    exitProcess(idle.engine, key, 0);
    await idle.clock.advance(1);
    expect(clock.sleeperCount).toBe(idle.clock.sleeperCount);
    expect(supervisor.count).toBe(1);
  });
});

describe("a command", () => {
  const exec = { check: { case: "exec" as const, value: { command: ["check"] } } };

  test("that the engine cannot run for want of an engine says nothing of the container", async () => {
    const { clock, engine, last } = await started("web:1", { livenessProbe: probe(exec) });
    await clock.advance(5_000);
    breakEngine(engine, "down");
    await clock.advance(60_000);
    expect(last()).toMatchObject({ state: TaskState.RUNNING, health: Health.HEALTHY });
  });
});

describe("a readiness probe", () => {
  const readinessProbe = probe();

  test("has endpoints told only while it succeeds", async () => {
    const { clock, engine, endpoints, last } = await started("web:healthy-after-3000", {
      readinessProbe,
    });
    expect(endpoints()).toEqual([]);
    await clock.advance(5_000);
    expect(endpoints()).toHaveLength(1);
    sicken(engine, key, "HTTP status 503");
    await clock.advance(5_000);
    expect(endpoints()).toEqual([]);
    expect(last()).toMatchObject({
      state: TaskState.RUNNING,
      health: Health.UNSPECIFIED,
      ready: false,
      probeMessage: "readiness probe: HTTP status 503",
    });
    sicken(engine, key, undefined);
    await clock.advance(5_000);
    expect(endpoints()).toHaveLength(1);
  });

  test("can fail while the liveness probe passes", async () => {
    const probes = { readinessProbe, livenessProbe: probe() };
    const { clock, last } = await started("web:unready-after-3000", probes);
    await clock.advance(10_000);
    expect(last()).toMatchObject({ health: Health.HEALTHY, ready: false });
  });
});

describe("a startup probe", () => {
  test("holds back the others until it succeeds", async () => {
    const startupProbe = probe({ failureThreshold: 10 });
    const probes = { startupProbe, livenessProbe: probe({ failureThreshold: 1 }) };
    const { clock, last, endpoints } = await started("web:healthy-after-5000", probes);
    await clock.advance(4_000);
    expect(last()).toMatchObject({ health: Health.STARTING, ready: false });
    expect(endpoints()).toEqual([]);
    await clock.advance(4_000);
    expect(last()).toMatchObject({ health: Health.HEALTHY, ready: true });
    expect(endpoints()).toHaveLength(1);
  });
});

describe("after a restart of the worker", () => {
  const probes = { livenessProbe: probe(), readinessProbe: probe() };

  test("probes go on by the container's labels, and no endpoint is withdrawn", async () => {
    const { clock, engine, reports, supervisor, last, boot } = await started("web:1", probes);
    await clock.advance(10_000);
    supervisor.crash();
    await clock.advance(10_000);
    reports.length = 0;
    const reborn = await boot();
    await clock.advance(10_000);
    expect(reports.every(({ ready }) => ready)).toBe(true);
    expect(endpointsOf(reborn.list(), "h")).toHaveLength(1);
    sicken(engine, key, "gone bad");
    await clock.advance(10_000);
    expect(last()?.failure).toMatchObject({ reason: FailureReason.UNHEALTHY });
  });

  test("no question is asked by a worker that has left", async () => {
    const { clock, engine, supervisor, reports } = await started("web:1", probes);
    supervisor.crash();
    sicken(engine, key, "gone bad");
    const count = reports.length;
    await clock.advance(60_000);
    expect(reports).toHaveLength(count);
    expect(clock.sleeperCount).toBe(0);
  });
});
