import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import {
  FailureReason,
  PullPolicy,
  TaskSpecSchema,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { advance } from "./advance.ts";
import type { Attempt, Container, Stage } from "./attempt.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { type Behaviour, wellBehaved } from "./fake-runtime-behaviour.ts";
import { createFakeEngine, type FakeEngine } from "./fake-runtime-engine.ts";
import { breakEngine, exitProcess, removeByForce } from "./fake-runtime-faults.ts";
import { containerName, RuntimeError } from "./runtime.ts";
import { attemptAt as anAttemptAt } from "./test-attempt.ts";

const key = { taskId: "t1", attempt: 1 };
const owner = { clusterId: "c1", workerId: "w1" };

const attemptAt = (stage: Stage, changes: Partial<Attempt> = {}) =>
  anAttemptAt(stage, { key, spec: create(TaskSpecSchema, { image: "web:1" }), ...changes });

function world(behaviour: Partial<Behaviour> = {}) {
  const engine = createFakeEngine(createManualClock(), () => ({ ...wellBehaved, ...behaviour }));
  const runtime = createFakeRuntime(engine);
  const step = (attempt: Attempt) =>
    advance(attempt, { engine: runtime, owner, pulling: new AbortController() });
  return { engine, runtime, step };
}

const stopped = { wish: { kind: "stop", graceMs: 0 } } as const;
const creating: Stage = { kind: "creating", isPulled: false };

async function containerIn(engine: FakeEngine, started: boolean): Promise<Container> {
  const runtime = createFakeRuntime(engine);
  const id = await runtime.create(key, create(TaskSpecSchema, { image: "web:1" }), owner);
  if (started) await runtime.start(id);
  return { id, startTimeMs: undefined, ports: [] };
}

describe("towards a running container", () => {
  test("makes the container in one call when the image is there", async () => {
    const { engine, step } = world();
    expect(await step(attemptAt(creating))).toMatchObject({ kind: "starting" });
    expect(engine.calls).toEqual(["create"]);
  });

  test("starts the container it made", async () => {
    const { engine, step } = world();
    const container = await containerIn(engine, false);
    expect(await step(attemptAt({ kind: "starting", container }))).toEqual({
      kind: "confirming",
      container,
    });
  });

  test("takes start time and ports from the engine", async () => {
    const { engine, step } = world();
    const container = await containerIn(engine, true);
    const stage = await step(attemptAt({ kind: "confirming", container }));
    expect(stage).toMatchObject({
      kind: "running",
      container: { startTimeMs: engine.clock.now() },
    });
  });

  test("pulls an image that is missed", async () => {
    const { step } = world({ image: "remote" });
    expect(await step(attemptAt(creating))).toEqual({ kind: "pulling" });
    expect(await step(attemptAt({ kind: "pulling" }))).toEqual({
      kind: "creating",
      isPulled: true,
    });
  });

  test("does not pull an image against the policy", async () => {
    const { step } = world({ image: "remote" });
    const spec = create(TaskSpecSchema, { image: "web:1", pullPolicy: PullPolicy.NEVER });
    expect(await step(attemptAt(creating, { spec }))).toMatchObject({
      kind: "ended",
      outcome: { failure: { reason: FailureReason.IMAGE_NOT_FOUND } },
    });
  });

  test("gives up on an image that is still missed after a pull", async () => {
    const { step } = world({ image: "remote" });
    expect(await step(attemptAt({ kind: "creating", isPulled: true }))).toMatchObject({
      kind: "ended",
      outcome: { state: TaskState.FAILED },
    });
  });

  test.each([
    ["missing", FailureReason.IMAGE_NOT_FOUND],
    ["unreachable", FailureReason.IMAGE_PULL_FAILED],
  ] as const)("fails when the image is %s", async (image, reason) => {
    const { step } = world({ image });
    expect(await step(attemptAt({ kind: "pulling" }))).toMatchObject({
      kind: "ended",
      outcome: { failure: { reason } },
    });
  });

  test("fails when the container cannot be made", async () => {
    const { step } = world({ createFailure: FailureReason.DISK_FULL });
    expect(await step(attemptAt(creating))).toMatchObject({
      kind: "ended",
      outcome: { failure: { reason: FailureReason.DISK_FULL } },
      remains: "gone",
    });
  });

  test("removes a container that cannot be started before it fails", async () => {
    const { engine, step } = world({ startFailure: FailureReason.PORT_CONFLICT });
    const container = await containerIn(engine, false);
    const stage = await step(attemptAt({ kind: "starting", container }));
    expect(stage).toMatchObject({ kind: "removing" });
    expect(await step(attemptAt(stage))).toMatchObject({
      kind: "ended",
      outcome: { failure: { reason: FailureReason.PORT_CONFLICT } },
    });
    expect(engine.containers.size).toBe(0);
  });

  test("repeats what a silent engine did not answer", async () => {
    const { engine, step } = world();
    breakEngine(engine, "down");
    await expect(step(attemptAt(creating))).rejects.toBeInstanceOf(RuntimeError);
  });

  test("does not start again what a start whose answer got lost has started", async () => {
    const { engine, step } = world({ exitAfterMs: 5 });
    const container = await containerIn(engine, true);
    exitProcess(engine, key, 0);
    const trouble = { sinceMs: 0, words: "", isStopTimeout: false };
    const stage = await step(attemptAt({ kind: "starting", container }, { trouble }));
    expect(stage).toMatchObject({ kind: "confirming" });
    expect(engine.containers.get(container.id)?.startCount).toBe(1);
    expect(await step(attemptAt(stage))).toMatchObject({ outcome: { exit: { exitCode: 0 } } });
  });

  test.each([
    { isInherited: true },
    { trouble: { sinceMs: 0, words: "", isStopTimeout: false } },
  ] as const)("sees to it that an earlier start comes too late: %j", async (why) => {
    const { engine, runtime, step } = world({ exitAfterMs: 5 });
    const container = await containerIn(engine, false);
    const { isInherited, trouble } = { isInherited: undefined, trouble: undefined, ...why };
    const starting: Stage = { kind: "starting", container, ...(isInherited && { isInherited }) };
    await step(attemptAt(starting, { trouble }));
    exitProcess(engine, key, 0);
    await expect(runtime.start(containerName(key))).rejects.toMatchObject({
      kind: FailureReason.REMOVED_EXTERNALLY,
    });
    expect(engine.containers.get(container.id)?.startCount).toBe(1);
  });

  test("starts an adopted container once the manager has asked again", async () => {
    const { engine, step } = world();
    const container = await containerIn(engine, false);
    const held: Stage = { kind: "held", container };
    expect(await step(attemptAt(held, { spec: undefined }))).toBe(held);
    expect(await step(attemptAt(held))).toMatchObject({ kind: "starting", isInherited: true });
  });
});

describe("of a running container", () => {
  async function running(behaviour: Partial<Behaviour> = {}) {
    const { engine, step } = world(behaviour);
    const container = await containerIn(engine, true);
    return { engine, look: () => step(attemptAt({ kind: "running", container })) };
  }

  test("keeps a container that exited, for its logs", async () => {
    const { engine, look } = await running();
    exitProcess(engine, key, 3);
    expect(await look()).toMatchObject({
      kind: "ended",
      remains: "kept",
      outcome: { exit: { exitCode: 3 } },
    });
  });

  test("notices that somebody removed it", async () => {
    const { engine, look } = await running();
    removeByForce(engine, key);
    expect(await look()).toMatchObject({
      kind: "ended",
      remains: "gone",
      outcome: { failure: { reason: FailureReason.REMOVED_EXTERNALLY } },
    });
  });

  test("changes nothing while it runs", async () => {
    expect(await (await running()).look()).toMatchObject({ kind: "running" });
  });
});

describe("towards a stop", () => {
  test.each<Stage>([creating, { kind: "pulling" }])(
    "ends at once without a container ($kind)",
    async (stage) => {
      const { engine, step } = world();
      expect(await step(attemptAt(stage, stopped))).toMatchObject({
        kind: "ended",
        outcome: { state: TaskState.STOPPED, exit: undefined },
      });
      expect(engine.calls).toEqual([]);
    },
  );

  test("looks for a container that may have been made unheard", async () => {
    const { engine, step } = world();
    const trouble = { sinceMs: 0, words: "", isStopTimeout: false };
    expect(await step(attemptAt(creating, { ...stopped, trouble }))).toEqual({ kind: "searching" });
    const container = await containerIn(engine, false);
    expect(await step(attemptAt({ kind: "searching" }, stopped))).toEqual({
      kind: "stopping",
      container,
    });
  });

  test("finds out that no container was made", async () => {
    expect(await world().step(attemptAt({ kind: "searching" }, stopped))).toMatchObject({
      kind: "ended",
      outcome: { state: TaskState.STOPPED },
    });
  });

  test.each(["held", "starting", "confirming", "running"] as const)(
    "stops before anything else when %s",
    async (kind) => {
      const { engine, step } = world();
      const container = await containerIn(engine, kind === "running");
      expect(await step(attemptAt({ kind, container }, stopped))).toMatchObject({
        kind: "stopping",
      });
    },
  );

  test("keeps the exit code and removes the container", async () => {
    const { engine, step } = world();
    const container = await containerIn(engine, true);
    const stage = await step(attemptAt({ kind: "stopping", container }, stopped));
    expect(stage).toMatchObject({ kind: "removing" });
    expect(await step(attemptAt(stage, stopped))).toMatchObject({
      kind: "ended",
      outcome: { state: TaskState.STOPPED, exit: { exitCode: 143 }, failure: undefined },
    });
    expect(engine.containers.size).toBe(0);
  });

  test("never takes a container that runs on for a stopped one", async () => {
    const { engine, step } = world({ onStop: "survives" });
    const container = await containerIn(engine, true);
    await expect(step(attemptAt({ kind: "stopping", container }, stopped))).rejects.toMatchObject({
      kind: FailureReason.STOP_TIMEOUT,
    });
  });

  test("is content with a container that is gone", async () => {
    const { engine, step } = world();
    const container = await containerIn(engine, true);
    removeByForce(engine, key);
    expect(await step(attemptAt({ kind: "stopping", container }, stopped))).toMatchObject({
      kind: "ended",
      outcome: { state: TaskState.STOPPED },
    });
  });
});
