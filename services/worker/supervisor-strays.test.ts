import { describe, expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { containerFor, exitProcess, startByHand } from "./fake-runtime-faults.ts";
import { RESYNC_MS } from "./supervisor-follow.ts";
import { key, machine, owner, spec } from "./supervisor-test-machine.ts";

const { RUNNING, FAILED, STOPPED } = TaskState;

describe("a container of an attempt that has ended", () => {
  async function endedOnce() {
    const rig = machine();
    const supervisor = await rig.boot();
    supervisor.start(key, spec());
    await rig.clock.advance(1);
    exitProcess(rig.engine, key, 3);
    await rig.clock.advance(1);
    expect(rig.last()).toMatchObject({ state: FAILED, exitCode: 3 });
    return { ...rig, supervisor };
  }
  const stateIn = ({ engine }: Pick<ReturnType<typeof machine>, "engine">) =>
    containerFor(engine, key)?.state.kind;

  test("is stopped when somebody starts it again, and its end stays as reported", async () => {
    const rig = await endedOnce();
    const count = rig.reports.length;
    startByHand(rig.engine, key);
    expect(stateIn(rig)).toBe("running");
    await rig.clock.advance(1);
    expect(stateIn(rig)).toBe("exited");
    expect(rig.reports).toHaveLength(count);
  });

  test("is stopped at the next resync when the hint was lost", async () => {
    const rig = await endedOnce();
    rig.engine.isMute = true;
    startByHand(rig.engine, key);
    await rig.clock.advance(RESYNC_MS - 10);
    expect(stateIn(rig)).toBe("running");
    await rig.clock.advance(20);
    expect(stateIn(rig)).toBe("exited");
  });

  test("is stopped at the next resync when the first try failed", async () => {
    const rig = await endedOnce();
    startByHand(rig.engine, key);
    rig.engine.mode = "down";
    await rig.clock.advance(1);
    rig.engine.mode = "up";
    await rig.clock.advance(RESYNC_MS);
    expect(stateIn(rig)).toBe("exited");
  });

  test("is told as running by a worker that does not know of its end, and can be stopped", async () => {
    const rig = await endedOnce();
    rig.supervisor.crash();
    startByHand(rig.engine, key);
    const second = await rig.boot();
    expect(rig.last()?.state).toBe(RUNNING);
    second.stop(key, 0);
    await rig.clock.advance(1);
    expect(rig.last()?.state).toBe(STOPPED);
  });
});

describe("two workers on one engine", () => {
  const other = { ...owner, workerId: "w2" };
  const otherKey = { taskId: "t2", attempt: 1 };

  test("keep to their own containers, through restarts of both", async () => {
    const { boot, clock, engine } = machine();
    const first = await boot(owner);
    const second = await boot(other);
    first.start(key, spec());
    second.start(otherKey, spec());
    await clock.advance(2 * RESYNC_MS);
    first.crash();
    second.crash();
    const [again, otherAgain] = [await boot(owner), await boot(other)];
    await clock.advance(2 * RESYNC_MS);
    expect(again.list().map((attempt) => attempt.key)).toEqual([key]);
    expect(otherAgain.list().map((attempt) => attempt.key)).toEqual([otherKey]);
    again.stop(key, 0);
    again.stop(otherKey, 0);
    await clock.advance(1);
    expect([...engine.containers.values()].map((c) => [c.key, c.state.kind])).toEqual([
      [otherKey, "running"],
    ]);
  });

  test("of two clusters do not see each other's containers", async () => {
    const { boot, clock, engine } = machine();
    const foreign = { clusterId: "c2", workerId: "w1" };
    const [mine, theirs] = [await boot(owner), await boot(foreign)];
    mine.start(key, spec());
    theirs.start(otherKey, spec());
    await clock.advance(RESYNC_MS);
    expect(mine.list().map((attempt) => attempt.key)).toEqual([key]);
    mine.stop(key, 0);
    await clock.advance(1);
    mine.forget(key);
    await clock.advance(RESYNC_MS);
    expect([...engine.containers.values()].map((c) => c.owner)).toEqual([foreign]);
    expect(theirs.find(otherKey)?.stage.kind).toBe("running");
  });

  test("leave a container alone that nobody's worker made", async () => {
    const { boot, clock, engine } = machine();
    const runtime = createFakeRuntime(engine);
    const id = await runtime.create(key, spec(), { clusterId: "c9", workerId: "w9" });
    await runtime.start(id);
    await boot(owner);
    await boot(other);
    await clock.advance(2 * RESYNC_MS);
    expect(engine.containers.get(id)).toMatchObject({ startCount: 1, state: { kind: "running" } });
  });
});
