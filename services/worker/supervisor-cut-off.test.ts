import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "@jest/globals";
import { FailureReason, OnDisconnect, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { breakEngine, containerFor, exitProcess, mendEngine } from "./fake-runtime-faults.ts";
import { key, machine, owner, spec } from "./supervisor-test-machine.ts";

const { RUNNING, STOPPING, STOPPED, FAILED } = TaskState;
const CAUSE = "cut off: the registry has not answered for a lease of 4 s";

const singleton = (image = "web:1") => ({ ...spec(image), onDisconnect: OnDisconnect.STOP });

/** A machine whose worker runs one attempt. */
async function running(what = singleton()) {
  const rig = machine();
  const supervisor = await rig.boot();
  supervisor.start(key, what);
  await rig.clock.advance(1);
  expect(rig.last()?.state).toBe(RUNNING);
  return { ...rig, supervisor };
}

const disconnected = { reason: FailureReason.DISCONNECTED, message: CAUSE };

describe("a worker that is cut off", () => {
  test("stops what is ordered to stop, keeps its container and tells why it failed", async () => {
    const { supervisor, clock, states, last, engine } = await running();
    supervisor.cutOff(CAUSE);
    await clock.advance(1);
    expect(states().slice(-2)).toEqual([STOPPING, FAILED]);
    expect(last()).toMatchObject({ exitCode: 143, failure: disconnected });
    expect(containerFor(engine, key)?.state.kind).toBe("exited");
  });

  test("leaves everything else running", async () => {
    const { supervisor, clock, last } = await running(spec());
    supervisor.cutOff(CAUSE);
    await clock.advance(60_000);
    expect(last()?.state).toBe(RUNNING);
  });

  test("grants the grace of the spec, and says meanwhile what it does", async () => {
    const stopGrace = durationFromMs(3_000);
    const { supervisor, clock, last } = await running({ ...singleton("web:ignores"), stopGrace });
    supervisor.cutOff(CAUSE);
    await clock.advance(2_999);
    expect(last()).toMatchObject({
      state: STOPPING,
      message: `stopping the container: ${CAUSE}`,
    });
    await clock.advance(2);
    expect(last()).toMatchObject({ state: FAILED, exitCode: 137, failure: disconnected });
  });

  test("ends a start that comes in spite of the cut", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    supervisor.cutOff(CAUSE);
    supervisor.start(key, singleton());
    await clock.advance(1);
    expect(last()).toMatchObject({ state: FAILED, failure: disconnected });
    expect(engine.containers.size).toBe(0);
  });

  test("starts what is asked for once it is back", async () => {
    const { boot, clock, last } = machine();
    const supervisor = await boot();
    supervisor.cutOff(CAUSE);
    supervisor.rejoin();
    supervisor.start(key, singleton());
    await clock.advance(1);
    expect(last()?.state).toBe(RUNNING);
  });

  test("lets a stop that is asked for meanwhile be a stop", async () => {
    const { supervisor, clock, engine, last } = await running();
    breakEngine(engine, "down");
    supervisor.cutOff(CAUSE);
    await clock.advance(1_000);
    supervisor.stop(key, 0);
    mendEngine(engine);
    await clock.advance(1);
    expect(last()).toMatchObject({ state: STOPPED, exitCode: 143 });
    expect(last()?.failure).toBeUndefined();
  });
});

describe("why a worker ended an attempt", () => {
  test("is known after a restart, too, whatever the exit code says", async () => {
    const { supervisor, boot, clock, reports, last } = await running();
    supervisor.cutOff(CAUSE);
    await clock.advance(1);
    supervisor.crash();
    reports.length = 0;
    await boot();
    expect(last()).toMatchObject({ state: FAILED, exitCode: 143, failure: disconnected });
  });

  test("holds for a container that turns out to run: what was begun is carried out", async () => {
    const { supervisor, boot, clock, engine, last } = await running(singleton("web:ignores"));
    supervisor.cutOff(CAUSE);
    await clock.advance(1);
    supervisor.crash();
    await boot();
    expect(last()).toMatchObject({
      state: STOPPING,
      message: `stopping the container: ${CAUSE}`,
    });
    // It had been asked to, though it looks like an end of its own.
    exitProcess(engine, key, 0);
    await clock.advance(1);
    expect(last()).toMatchObject({ state: FAILED, exitCode: 0, failure: disconnected });
  });
});

describe("a worker that was restarted and is cut off", () => {
  test("knows the orders of the containers it finds", async () => {
    const { supervisor, boot, clock, last } = await running({
      ...singleton("web:ignores"),
      stopGrace: durationFromMs(2_000),
    });
    supervisor.crash();
    const second = await boot();
    second.cutOff(CAUSE);
    await clock.advance(1_999);
    expect(last()?.state).toBe(STOPPING);
    await clock.advance(2);
    expect(last()).toMatchObject({ state: FAILED, failure: disconnected });
  });

  test("stops what it finds only after it was cut off", async () => {
    const { boot, clock, engine, last } = machine();
    const runtime = createFakeRuntime(engine);
    await runtime.start(await runtime.create(key, singleton(), owner));
    breakEngine(engine, "down");
    const supervisor = await boot();
    supervisor.cutOff(CAUSE);
    await clock.advance(1_000);
    mendEngine(engine);
    await clock.advance(1);
    expect(last()).toMatchObject({ state: FAILED, failure: disconnected });
  });

  test("never starts what was made and not started", async () => {
    const { boot, clock, engine, last } = machine();
    await createFakeRuntime(engine).create(key, singleton(), owner);
    const supervisor = await boot();
    supervisor.cutOff(CAUSE);
    await clock.advance(1);
    expect(last()).toMatchObject({ state: FAILED, failure: disconnected });
    await clock.advance(1_000);
    expect(engine.containers.size).toBe(0);
  });
});
