import { describe, expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { reasonOf } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import type { AttemptDriver } from "./attempt-driver.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import type { FakeEngine } from "./fake-runtime-engine.ts";
import { breakEngine, containerFor, exitProcess, mendEngine } from "./fake-runtime-faults.ts";
import type { ContainerFacts } from "./runtime.ts";
import { createMemoryFolder } from "./state-folder-memory.ts";
import { ADOPTION_WAIT_MS } from "./supervisor.ts";
import { createAdoption } from "./supervisor-adoption.ts";
import { RESYNC_MS } from "./supervisor-follow.ts";
import type { FirstFacts } from "./supervisor-table.ts";
import { key, machine, owner, spec } from "./supervisor-test-machine.ts";
import { attemptAt } from "./test-attempt.ts";
import { openVerdicts } from "./verdicts.ts";
import { createGate } from "./worker-gate.ts";

const { RUNNING, STOPPED, FAILED } = TaskState;

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

  test("an exit while the engine was down too is told with its code", async () => {
    const { boot, clock, engine, reports, last } = machine();
    const first = await boot();
    first.start(key, spec());
    await clock.advance(1);
    breakEngine(engine, "down");
    first.crash();
    await boot();
    exitProcess(engine, key, 42);
    const count = reports.length;
    await clock.advance(30_000);
    expect(reports).toHaveLength(count);
    mendEngine(engine);
    await clock.advance(1);
    expect(last()).toMatchObject({ state: FAILED, exitCode: 42 });
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

test("of two containers of an attempt the one that was started is adopted", async () => {
  const { boot, engine, last } = machine();
  const runtime = createFakeRuntime(engine);
  const id = await runtime.create(key, spec(), owner);
  const name = await runtime.revokeStarts(id);
  await runtime.start(name ?? "");
  const late = await runtime.create(key, spec(), owner);
  const backwards = [...engine.containers].reverse();
  engine.containers.clear();
  for (const each of backwards) engine.containers.set(...each);
  await boot();
  expect(late).not.toBe(id);
  expect(last()?.containerId).toBe(id);
});

/** What the process before asked for may reach the engine when this one has looked already. */
describe("a container that appears after the first list", () => {
  async function appear(engine: FakeEngine) {
    const runtime = createFakeRuntime(engine);
    await runtime.start(await runtime.create(key, spec(), owner));
  }

  test("is adopted as soon as there is a hint of it", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    await appear(engine);
    await clock.advance(1);
    expect(last()).toMatchObject({
      state: RUNNING,
      containerId: containerFor(engine, key)?.id,
    });
    expect(supervisor.find(key)?.name).toBe("web");
    expect(containerFor(engine, key)?.startCount).toBe(1);
  });

  test("is adopted at the next resync when the hint was lost", async () => {
    const { boot, clock, engine, reports, last } = machine();
    await boot();
    engine.isMute = true;
    await appear(engine);
    await clock.advance(RESYNC_MS - 10);
    expect(reports).toEqual([]);
    await clock.advance(20);
    expect(last()?.state).toBe(RUNNING);
  });

  test("is adopted at the next resync when it could not be looked at", async () => {
    const { boot, clock, engine, reports, last } = machine();
    await boot();
    await appear(engine);
    engine.lostAnswers = 1;
    await clock.advance(1);
    expect([engine.lostAnswers, reports]).toEqual([0, []]);
    await clock.advance(RESYNC_MS);
    expect(last()?.state).toBe(RUNNING);
  });

  test("is stopped and forgotten like any other", async () => {
    const { boot, clock, engine, last } = machine();
    const supervisor = await boot();
    await appear(engine);
    await clock.advance(1);
    supervisor.stop(key, 0);
    await clock.advance(1);
    expect(last()?.state).toBe(STOPPED);
    supervisor.forget(key);
    expect([supervisor.count, engine.containers.size]).toEqual([0, 0]);
  });
});

describe("of what a list shows after the first one", () => {
  const facts: ContainerFacts = {
    containerId: "x",
    ...{ key, name: "web", image: "web:1", imageId: "sha256:1" },
    orders: { onDisconnect: { kind: "keep-running" } },
    state: { kind: "running", startTimeMs: 1, ports: [] },
  };

  /** Adoption whose first list was empty, then shown the same container twice in one turn. */
  async function adoptedOf({ isThere = true, isDisposing = false }) {
    const held = new Map<string, AttemptDriver>();
    const adopted: string[] = [];
    const adoption = createAdoption({
      runtime: { inspect: async () => (isThere ? facts : undefined), stop: async () => undefined },
      table: {
        find: ({ taskId }) => held.get(taskId),
        drivers: () => [],
        add: (first) => {
          adopted.push(first.key.taskId);
          held.set(first.key.taskId, driverOf(first));
        },
      },
      disposal: { dispose: () => undefined, isDisposing: () => isDisposing },
      verdicts: await openVerdicts(createMemoryFolder("w1").verdicts, silentLog),
      done: createGate(),
      log: silentLog,
    });
    adoption.onList([]);
    adoption.onList([facts]);
    adoption.onList([facts]);
    await systemClock.turn();
    return adopted;
  }

  test("a container that is there is adopted once", async () => {
    expect(await adoptedOf({})).toEqual(["t1"]);
  });

  test("a container that is gone by now is not adopted", async () => {
    expect(await adoptedOf({ isThere: false })).toEqual([]);
  });

  test("a container on its way out is not adopted", async () => {
    expect(await adoptedOf({ isDisposing: true })).toEqual([]);
  });
});

const driverOf = (first: FirstFacts): AttemptDriver => ({
  current: () => attemptAt(first.stage, first),
  start: () => undefined,
  stop: () => undefined,
  fail: () => undefined,
  feel: () => undefined,
  hint: () => undefined,
  run: async () => undefined,
  leave: () => undefined,
});
