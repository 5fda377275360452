import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "@jest/globals";
import { FailureReason, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { PULL_MS_DEFAULT, START_MS_DEFAULT } from "./attempt-deadline.ts";
import { breakEngine, mendEngine } from "./fake-runtime-faults.ts";
import { RESYNC_MS } from "./supervisor-follow.ts";
import { key, machine, spec } from "./supervisor-test-machine.ts";

const { STARTING, RUNNING, STOPPED, FAILED } = TaskState;

describe("a start", () => {
  test("fails when it was repeated in vain for its whole time", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    breakEngine(engine, "down");
    supervisor.start(key, spec());
    await clock.advance(START_MS_DEFAULT - 1);
    expect(last()?.state).toBe(STARTING);
    await clock.advance(1);
    expect(last()).toMatchObject({
      state: FAILED,
      failure: {
        reason: FailureReason.START_TIMEOUT,
        message: "the container did not start within 2 min: the engine did not answer: create",
      },
    });
  });

  test("fails in time though the engine still sits on its answer", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    breakEngine(engine, "hung");
    supervisor.start(key, { ...spec(), startTimeout: durationFromMs(1_500) });
    await clock.advance(1_500);
    expect(last()?.failure).toMatchObject({
      reason: FailureReason.START_TIMEOUT,
      message: "the container did not start within 1500 ms",
    });
  });

  test("given up leaves no container that the engine made after all", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    engine.isMute = true;
    engine.slowMs = 3_000;
    supervisor.start(key, { ...spec(), startTimeout: durationFromMs(1_000) });
    await clock.advance(1_000);
    expect(last()?.state).toBe(FAILED);
    expect(engine.containers.size).toBe(0);
    await clock.advance(2_000);
    expect(engine.containers.size).toBe(1);
    await clock.advance(10_000);
    expect(engine.containers.size).toBe(0);
  });

  test("gives the fetch a time of its own", async () => {
    const { boot, clock, last } = machine();
    const supervisor = await boot();
    supervisor.start(key, { ...spec("web:pull-90000"), startTimeout: durationFromMs(1_000) });
    await clock.advance(89_000);
    expect(last()?.message).toBe("pulling web:pull-90000");
    await clock.advance(1_001);
    expect(last()?.state).toBe(RUNNING);
  });

  test.each([
    [undefined, PULL_MS_DEFAULT, "10 min"],
    [durationFromMs(90_000), 90_000, "90 s"],
    [durationFromMs(7_200_000), 7_200_000, "2 h"],
  ])("fails when the fetch takes too long", async (pullTimeout, limitMs, words) => {
    const { boot, clock, last } = machine();
    const supervisor = await boot();
    supervisor.start(key, { ...spec("web:pull-99999999"), ...(pullTimeout && { pullTimeout }) });
    await clock.advance(limitMs - 1);
    expect(last()?.state).toBe(STARTING);
    await clock.advance(1);
    expect(last()?.failure).toMatchObject({
      reason: FailureReason.IMAGE_PULL_FAILED,
      message: `pulling web:pull-99999999 did not finish within ${words}`,
    });
  });

  test("that is asked to stop while the engine sits on its answer waits for it", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    engine.slowMs = 3_000;
    supervisor.start(key, { ...spec(), startTimeout: durationFromMs(1_000) });
    await clock.advance(500);
    supervisor.stop(key, 0);
    await clock.advance(2_000);
    expect(last()?.state).toBe(STARTING);
    await clock.advance(20_000);
    expect(last()?.state).toBe(STOPPED);
    expect(engine.containers.size).toBe(0);
  });

  test("given up leaves no container behind once the engine is back", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    engine.lostAnswers = 1;
    engine.isMute = true;
    supervisor.start(key, spec());
    await clock.advance(0);
    breakEngine(engine, "down");
    await clock.advance(START_MS_DEFAULT + 10_000);
    expect(last()?.state).toBe(FAILED);
    mendEngine(engine);
    await clock.advance(RESYNC_MS);
    expect(engine.containers.size).toBe(0);
  });
});
