import { describe, expect, test } from "@jest/globals";
import { FailureReason, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { REMOVE_TROUBLE_MS_MAX, START_MS_DEFAULT } from "./attempt-deadline.ts";
import {
  breakEngine,
  containerFor,
  exitProcess,
  mendEngine,
  removeByForce,
} from "./fake-runtime-faults.ts";
import { ATTEMPTS_MAX } from "./supervisor.ts";
import { RESYNC_MS } from "./supervisor-follow.ts";
import { key, machine, spec } from "./supervisor-test-machine.ts";

const { STARTING, RUNNING, STOPPING, COMPLETED, STOPPED, FAILED } = TaskState;

describe("a start", () => {
  test("leads to a running container in three calls", async () => {
    const { boot, clock, engine, states, last } = machine();
    const supervisor = await boot();
    engine.calls.length = 0;
    supervisor.start(key, spec());
    await clock.advance(1);
    expect(states()).toEqual([STARTING, RUNNING]);
    expect(last()?.containerId).toBe(containerFor(engine, key)?.id);
    expect(engine.calls).toEqual(["create", "start", "inspect"]);
  });

  test("asked for twice is done once", async () => {
    const { boot, clock, engine } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec());
    supervisor.start(key, spec());
    await clock.advance(1);
    supervisor.start(key, spec());
    await clock.advance(1);
    expect(engine.containers.size).toBe(1);
    expect(containerFor(engine, key)?.startCount).toBe(1);
  });

  test("tells while it pulls", async () => {
    const { boot, clock, last } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec("web:pull-5000"));
    await clock.advance(1_000);
    expect(last()).toMatchObject({ state: STARTING, message: "pulling web:pull-5000" });
    await clock.advance(5_000);
    expect(last()?.state).toBe(RUNNING);
  });

  test("waits for a silent engine and says so once", async () => {
    const { boot, clock, engine, reports, last } = machine();
    const supervisor = await boot();
    breakEngine(engine, "down");
    supervisor.start(key, spec());
    await clock.advance(30_000);
    expect(reports).toHaveLength(2);
    expect(last()).toMatchObject({
      state: STARTING,
      message: "trying again: the engine did not answer: create",
    });
    mendEngine(engine);
    await clock.advance(10);
    expect(last()).toMatchObject({ state: RUNNING, message: "running" });
  });

  test("makes and starts one container though answers are lost", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    engine.lostAnswers = 3;
    supervisor.start(key, spec());
    await clock.advance(20_000);
    expect(last()?.state).toBe(RUNNING);
    expect(engine.containers.size).toBe(1);
    expect(containerFor(engine, key)?.startCount).toBe(1);
  });

  test("beyond the most attempts is refused", async () => {
    const { boot } = machine();
    const supervisor = await boot();
    for (let i = 0; i < ATTEMPTS_MAX; i++)
      supervisor.start({ taskId: `t${i}`, attempt: 1 }, spec());
    const refused = () => supervisor.start({ taskId: "one-more", attempt: 1 }, spec());
    expect(refused).toThrow(/the most it can/);
  });
});

describe("an end", () => {
  test("with code 0 completes the attempt and keeps the container", async () => {
    const { boot, clock, engine, states, last } = machine();
    (await boot()).start(key, spec("web:after-500"));
    await clock.advance(1_000);
    expect(states()).toEqual([STARTING, RUNNING, COMPLETED]);
    expect(last()?.exitCode).toBe(0);
    expect(containerFor(engine, key)).toBeDefined();
  });

  test("for want of memory is told", async () => {
    const { boot, clock, last } = machine();
    (await boot()).start(key, spec("web:after-500.oom"));
    await clock.advance(1_000);
    expect(last()?.failure?.reason).toBe(FailureReason.OOM_KILLED);
  });

  test("by removal behind the worker's back is noticed at once", async () => {
    const { boot, clock, engine, last } = machine();
    (await boot()).start(key, spec());
    await clock.advance(1);
    removeByForce(engine, key);
    await clock.advance(1);
    expect(last()?.failure?.reason).toBe(FailureReason.REMOVED_EXTERNALLY);
  });

  test("of which the hint was lost is noticed at the next resync", async () => {
    const { boot, clock, engine, last } = machine();
    (await boot()).start(key, spec());
    await clock.advance(1);
    engine.isMute = true;
    exitProcess(engine, key, 7);
    await clock.advance(RESYNC_MS);
    expect(last()).toMatchObject({ state: FAILED, exitCode: 7 });
  });

  test("while the engine was down is noticed when it is back", async () => {
    const { boot, clock, engine, last } = machine();
    (await boot()).start(key, spec());
    await clock.advance(1);
    breakEngine(engine, "down");
    exitProcess(engine, key, 7);
    await clock.advance(1_000);
    expect(last()?.state).toBe(RUNNING);
    mendEngine(engine);
    await clock.advance(1);
    expect(last()).toMatchObject({ state: FAILED, exitCode: 7 });
  });
});

describe("a stop", () => {
  test("of a running container keeps its exit code and removes it", async () => {
    const { boot, clock, engine, states, last } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec());
    await clock.advance(1);
    supervisor.stop(key, 10_000);
    await clock.advance(1);
    expect(states()).toEqual([STARTING, RUNNING, STOPPING, STOPPED]);
    expect(last()).toMatchObject({ exitCode: 143 });
    expect(last()?.failure).toBeUndefined();
    expect(engine.containers.size).toBe(0);
  });

  test("kills a container that ignores it after the grace", async () => {
    const { boot, clock, last } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec("web:ignores"));
    await clock.advance(1);
    supervisor.stop(key, 10_000);
    await clock.advance(9_000);
    expect(last()?.state).toBe(STOPPING);
    await clock.advance(1_001);
    expect(last()).toMatchObject({ state: STOPPED, exitCode: 137 });
  });

  test("cuts a pull short", async () => {
    const { boot, clock, states } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec("web:pull-60000"));
    await clock.advance(10);
    supervisor.stop(key, 10_000);
    await clock.advance(1);
    expect(states().slice(-2)).toEqual([STARTING, STOPPED]);
  });

  test("that cannot be done is repeated, never reads as stopped, and is told in the end", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec("web:survives"));
    await clock.advance(1);
    supervisor.stop(key, 1_000);
    await clock.advance(60_000);
    expect(last()).toMatchObject({ state: STOPPING });
    expect(last()?.message).toMatch(/^trying again: the process does not even die/);
    exitProcess(engine, key, 0);
    await clock.advance(10_000);
    expect(last()).toMatchObject({ state: STOPPED, exitCode: 0 });
    expect(last()?.failure?.reason).toBe(FailureReason.STOP_TIMEOUT);
  });

  test("waits for a silent engine for as long as it takes", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec());
    await clock.advance(1);
    breakEngine(engine, "hung");
    supervisor.stop(key, 1_000);
    await clock.advance(300_000);
    expect(last()?.state).toBe(STOPPING);
    mendEngine(engine);
    await clock.advance(10_000);
    expect(last()?.state).toBe(STOPPED);
    expect(last()?.failure).toBeUndefined();
  });

  test("finds the container of a start that nobody heard of", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    engine.lostAnswers = 1;
    engine.isMute = true;
    supervisor.start(key, spec());
    await clock.advance(0);
    supervisor.stop(key, 0);
    await clock.advance(10);
    expect(last()?.state).toBe(STOPPED);
    expect(engine.containers.size).toBe(0);
  });

  test("of an attempt that has ended, or is unknown, changes nothing", async () => {
    const { boot, clock, reports } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec("web:after-1"));
    await clock.advance(10);
    const count = reports.length;
    supervisor.stop(key, 0);
    supervisor.stop({ taskId: "unknown", attempt: 1 }, 0);
    await clock.advance(10);
    expect(reports).toHaveLength(count);
  });
});

test("a removal that does not work holds up the end only for a while", async () => {
  const { boot, clock, engine, last } = machine();
  const supervisor = await boot();
  supervisor.start(key, spec("web:nostart"));
  await clock.advance(0);
  breakEngine(engine, "down");
  await clock.advance(REMOVE_TROUBLE_MS_MAX + START_MS_DEFAULT + 10_000);
  expect(last()?.state).toBe(FAILED);
});
