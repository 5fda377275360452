import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "@jest/globals";
import {
  type AttemptStatus,
  FailureReason,
  TaskSpecSchema,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { REMOVE_TROUBLE_MS_MAX, START_TROUBLE_MS_MAX } from "./attempt-trouble.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { createFakeEngine } from "./fake-runtime-engine.ts";
import {
  breakEngine,
  containerFor,
  exitProcess,
  mendEngine,
  removeByForce,
} from "./fake-runtime-faults.ts";
import { statusOf } from "./reports.ts";
import { ADOPTION_WAIT_MS, ATTEMPTS_MAX, createSupervisor } from "./supervisor.ts";
import { RESYNC_MS } from "./supervisor-follow.ts";

const key = { taskId: "t1", attempt: 1 };
const owner = { clusterId: "c1", workerId: "w1" };
const spec = (image = "web:1") => create(TaskSpecSchema, { name: "web", image });

const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

/** A machine with an engine, on which worker processes come and go. */
function machine() {
  const clock = createManualClock();
  const engine = createFakeEngine(clock);
  const reports: AttemptStatus[] = [];
  return {
    clock,
    engine,
    reports,
    states: () => reports.map(({ state }) => state),
    last: () => reports.at(-1),
    async boot() {
      const life = new AbortController();
      lives.push(life);
      const supervisor = createSupervisor({
        runtime: createFakeRuntime(engine),
        owner: () => owner,
        clock,
        random: createSeededRandom(1),
        log: silentLog,
        onReport: (attempt) => reports.push(statusOf(attempt)),
      });
      void supervisor.run(life.signal);
      await clock.advance(1);
      return Object.assign(supervisor, { crash: () => life.abort() });
    },
  };
}

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
    expect(engine.calls.slice(0, 3)).toEqual(["create", "start", "inspect"]);
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

  test("fails when it was repeated in vain for too long", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    breakEngine(engine, "down");
    supervisor.start(key, spec());
    await clock.advance(START_TROUBLE_MS_MAX + 10_000);
    expect(last()?.failure?.reason).toBe(FailureReason.START_TIMEOUT);
    expect(last()?.state).toBe(FAILED);
  });

  test("given up leaves no container behind once the engine is back", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    engine.lostAnswers = 1;
    engine.isMute = true;
    supervisor.start(key, spec());
    await clock.advance(0);
    breakEngine(engine, "down");
    await clock.advance(START_TROUBLE_MS_MAX + 10_000);
    expect(last()?.state).toBe(FAILED);
    mendEngine(engine);
    await clock.advance(RESYNC_MS);
    expect(engine.containers.size).toBe(0);
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

describe("forgetting", () => {
  test("removes the record at once and the container soon", async () => {
    const { boot, clock, engine } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec("web:after-1"));
    await clock.advance(10);
    supervisor.forget(key);
    expect(supervisor.count).toBe(0);
    await clock.advance(1);
    expect(engine.containers.size).toBe(0);
    supervisor.forget(key);
  });

  test("is refused while the attempt has not ended", async () => {
    const { boot, clock } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec());
    await clock.advance(1);
    let error: unknown;
    try {
      supervisor.forget(key);
    } catch (thrown) {
      error = thrown;
    }
    expect(reasonOf(error)).toBe("ATTEMPT_NOT_ENDED");
  });

  test("outlasts a silent engine, and no start comes in between", async () => {
    const { boot, clock, engine } = machine();
    const supervisor = await boot();
    supervisor.start(key, spec("web:after-1"));
    await clock.advance(10);
    breakEngine(engine, "down");
    supervisor.forget(key);
    await clock.advance(1_000);
    supervisor.start(key, spec("web:after-1"));
    expect(supervisor.count).toBe(0);
    mendEngine(engine);
    await clock.advance(60_000);
    expect(engine.containers.size).toBe(0);
    expect(supervisor.count).toBe(0);
  });
});

describe("after a crash", () => {
  test("a running container is adopted untouched", async () => {
    const { boot, clock, engine, last } = machine();
    const first = await boot();
    first.start(key, spec());
    await clock.advance(5_000);
    const before = last();
    first.crash();
    await clock.advance(1_000);
    const second = await boot();
    expect(last()).toMatchObject({
      state: RUNNING,
      containerId: before?.containerId,
      startTime: before?.startTime,
    });
    expect(containerFor(engine, key)?.startCount).toBe(1);
    expect(second.find(key)?.name).toBe("web");
  });

  test("an exit in between is told with its code", async () => {
    const { boot, clock, engine, last } = machine();
    const first = await boot();
    first.start(key, spec());
    await clock.advance(1);
    first.crash();
    exitProcess(engine, key, 5);
    await boot();
    expect(last()).toMatchObject({ state: FAILED, exitCode: 5 });
  });

  test("a container that was never started waits to be asked for again", async () => {
    const { boot, clock, engine, last } = machine();
    await createFakeRuntime(engine).create(key, spec(), owner);
    const supervisor = await boot();
    await clock.advance(RESYNC_MS);
    expect(last()?.message).toMatch(/waiting for the manager/);
    supervisor.start(key, spec());
    await clock.advance(1);
    expect(last()?.state).toBe(RUNNING);
  });

  test("a container that was never started can be stopped", async () => {
    const { boot, clock, engine, last } = machine();
    await createFakeRuntime(engine).create(key, spec(), owner);
    const supervisor = await boot();
    supervisor.stop(key, 0);
    await clock.advance(1);
    expect(last()?.state).toBe(STOPPED);
    expect(engine.containers.size).toBe(0);
  });

  test("an adopted attempt stops and is forgotten like any other", async () => {
    const { boot, clock, engine, last } = machine();
    const first = await boot();
    first.start(key, spec());
    await clock.advance(1);
    first.crash();
    const second = await boot();
    second.stop(key, 0);
    await clock.advance(1);
    expect(last()?.state).toBe(STOPPED);
    second.forget(key);
    expect([second.count, engine.containers.size]).toEqual([0, 0]);
  });

  test("containers of others are left alone", async () => {
    const { boot, clock, engine } = machine();
    const runtime = createFakeRuntime(engine);
    const id = await runtime.create(key, spec(), { ...owner, workerId: "w2" });
    await runtime.start(id);
    const supervisor = await boot();
    await clock.advance(2 * RESYNC_MS);
    expect(supervisor.count).toBe(0);
    expect(engine.containers.get(id)?.state.kind).toBe("running");
  });

  test("calls wait for adoption, but not for ever", async () => {
    const { boot, clock, engine } = machine();
    breakEngine(engine, "down");
    const supervisor = await boot();
    const waits = supervisor.adopted().catch((error: unknown) => error);
    await clock.advance(ADOPTION_WAIT_MS);
    expect(reasonOf(await waits)).toBe("ADOPTION_PENDING");
    mendEngine(engine);
    await clock.advance(1);
    await supervisor.adopted();
  });
});

test("a removal that does not work holds up the end only for a while", async () => {
  const { boot, clock, engine, last } = machine();
  const supervisor = await boot();
  supervisor.start(key, spec("web:nostart"));
  await clock.advance(0);
  breakEngine(engine, "down");
  await clock.advance(REMOVE_TROUBLE_MS_MAX + START_TROUBLE_MS_MAX + 10_000);
  expect(last()?.state).toBe(FAILED);
});
