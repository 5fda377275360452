import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { metaKeys, RESTORED_STEPS } from "../../core/assignment-place.ts";
import { OnDisconnect, RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { ABSENT_MS, LOOK_MS_MAX, LOOK_MS_MIN, START_MS_MAX } from "./assignments.ts";
import { assignedWorker } from "./assignments-test-world.ts";
import { stateOf } from "./attempt.ts";
import { containerFor, exitProcess, removeByForce } from "./fake-runtime-faults.ts";
import { key, owner, spec } from "./supervisor-test-machine.ts";

const { NO, ALWAYS, ON_FAILURE } = RestartMode;

/** By then the store has been asked, however patient the worker is. */
const ASKED_MS = ABSENT_MS * 1.5 + 10;

let world: Awaited<ReturnType<typeof assignedWorker>>;
let worker: Awaited<ReturnType<typeof world.boot>>;
beforeEach(async () => {
  world = await assignedWorker();
  worker = await world.boot();
});
afterEach(() => worker.end());

const state = (name = key) => {
  const held = worker.supervisor.find(name);
  return held && TaskState[stateOf(held.stage)];
};
const runs = (name = key) => containerFor(world.engine, name)?.state.kind === "running";

/** Begun by a manager. */
async function begun(image = "web:1") {
  worker.supervisor.start(key, spec(image));
  await world.clock.advance(10);
  expect(runs()).toBe(true);
}

describe("without a manager", () => {
  test("what is assigned and not there is started, once nobody has been in touch for a lease", async () => {
    world.start(NO);
    await world.clock.advance(ABSENT_MS - 10);
    expect(world.store.looks).toBe(0);
    await world.clock.advance(ASKED_MS - ABSENT_MS);
    expect(runs()).toBe(true);
    await world.clock.advance(LOOK_MS_MAX * 3);
    expect(containerFor(world.engine, key)?.startCount).toBe(1);
  });

  test("what a worker that was restarted found made and not begun is begun", async () => {
    worker.supervisor.start(key, spec());
    await worker.end();
    const container = containerFor(world.engine, key);
    if (container) container.state = { kind: "created" };
    worker = await world.boot();
    world.start(NO);
    await world.clock.advance(ASKED_MS);
    expect(runs()).toBe(true);
  });

  test("what is to end is stopped, also while somebody leads who is not in touch", async () => {
    await begun();
    world.stop();
    world.store.isLed = true;
    await world.clock.advance(ASKED_MS + 100);
    expect(state()).toBe("STOPPED");
  });

  test("what nothing is said of runs on", async () => {
    await begun();
    await world.clock.advance(LOOK_MS_MAX * 3);
    expect(world.store.looks).toBeGreaterThan(1);
    expect(runs()).toBe(true);
  });

  test("nothing is started while somebody leads, but as soon as nobody does", async () => {
    world.start(NO);
    world.store.isLed = true;
    await world.clock.advance(LOOK_MS_MAX);
    expect(state()).toBeUndefined();
    world.store.isLed = false;
    await world.clock.advance(LOOK_MS_MAX);
    expect(runs()).toBe(true);
  });

  test("while the registry is away as well, what must not run twice is not started", async () => {
    world.start(ALWAYS, { onDisconnect: OnDisconnect.STOP });
    worker.supervisor.cutOff("cut off");
    await world.clock.advance(ASKED_MS);
    expect(state()).toBeUndefined();
    worker.supervisor.rejoin();
    await world.clock.advance(LOOK_MS_MAX);
    expect(runs()).toBe(true);
  });

  test("the epoch of the store is obeyed from then on", async () => {
    world.store.meta.set(metaKeys.epoch, "5").set(metaKeys.assignments, "5");
    world.start(NO);
    await world.clock.advance(ASKED_MS);
    expect(world.identity.fence()).toEqual({ clusterId: owner.clusterId, epoch: 5n });
  });
});

describe("what ended by itself", () => {
  test("runs again by its policy, at once the first time, then later and later", async () => {
    world.start(ON_FAILURE);
    await begun();
    await world.clock.advance(ASKED_MS);
    const untilAgain = async () => {
      exitProcess(world.engine, key, 1);
      let ms = 0;
      for (; ms < 120_000; ms += 500) {
        await world.clock.advance(500);
        if (runs()) break;
      }
      return ms;
    };
    const waits = [await untilAgain(), await untilAgain(), await untilAgain(), await untilAgain()];
    expect(waits[0]).toBeLessThanOrEqual(3 * LOOK_MS_MIN);
    expect(waits[3]).toBeGreaterThan(waits[0] ?? 0);
    expect(waits[3]).toBeLessThan(10_000);
  });

  test("runs again also when its container was removed", async () => {
    world.start(ALWAYS);
    await begun();
    await world.clock.advance(ASKED_MS);
    removeByForce(world.engine, key);
    await world.clock.advance(5_000);
    expect(runs()).toBe(true);
    expect(world.engine.containers.size).toBe(1);
  });

  test("stays ended where the policy does not want it, or no restart is left", async () => {
    world.start(ON_FAILURE);
    await begun("web:after-100.exit-0");
    await world.clock.advance(ASKED_MS + LOOK_MS_MAX);
    expect(state()).toBe("COMPLETED");
    const second = { taskId: "t2", attempt: 1 };
    const value = {
      ...second,
      spec: { name: "web", image: "web:1", restartPolicy: { mode: ALWAYS } },
    };
    world.write(second, { order: { case: "start", value }, restartsLeft: 1 });
    await world.clock.advance(LOOK_MS_MAX * 2);
    expect(runs(second)).toBe(true);
    exitProcess(world.engine, second, 1);
    await world.clock.advance(5_000);
    expect(runs(second)).toBe(true);
    exitProcess(world.engine, second, 1);
    await world.clock.advance(LOOK_MS_MAX);
    expect(state(second)).toBe("FAILED");
  });

  test("stays ended while a manager is in touch", async () => {
    world.start(ALWAYS);
    await begun();
    const leave = worker.touch.watch();
    exitProcess(world.engine, key, 1);
    await world.clock.advance(LOOK_MS_MAX);
    expect(state()).toBe("FAILED");
    expect(world.store.looks).toBe(0);
    leave();
    await world.clock.advance(ASKED_MS + 5_000);
    expect(runs()).toBe(true);
  });
});

describe("a manager's word comes first", () => {
  test("nobody looks while one speaks now and then", async () => {
    world.start(NO);
    for (let i = 0; i < 20; i++) {
      worker.touch.note();
      await world.clock.advance(ABSENT_MS - 100);
    }
    expect(world.store.looks).toBe(0);
  });

  test("one that speaks while the store is read makes void what was read", async () => {
    world.start(NO);
    let letGo: (value?: unknown) => void = () => undefined;
    world.store.hold = new Promise((resolve) => {
      letGo = resolve;
    });
    await world.clock.advance(ASKED_MS);
    expect(world.store.looks).toBe(1);
    worker.touch.note();
    letGo();
    await world.clock.advance(ABSENT_MS - 100);
    expect(state()).toBeUndefined();
    expect(world.store.open).toBe(0);
  });

  test("what took too long to read is not followed", async () => {
    world.start(NO);
    const { clock, store } = world;
    store.hold = clock.sleep(ASKED_MS + START_MS_MAX);
    await clock.advance(ASKED_MS + START_MS_MAX + 10);
    expect(state()).toBeUndefined();
    await clock.advance(LOOK_MS_MAX);
    expect(runs()).toBe(true);
  });
});

describe("a store that is not to be believed", () => {
  const doubts: readonly [what: string, meta: Readonly<Record<string, string>>][] = [
    ["is empty", { [metaKeys.clusterId]: "", [metaKeys.epoch]: "", [metaKeys.assignments]: "" }],
    ["holds another cluster", { [metaKeys.clusterId]: "c2" }],
    ["is of an earlier epoch", { [metaKeys.epoch]: "2", [metaKeys.assignments]: "2" }],
    ["had a leader who did not keep assignments", { [metaKeys.epoch]: "4" }],
    [
      "was restored from a backup",
      {
        [metaKeys.epoch]: String(3n + RESTORED_STEPS),
        [metaKeys.assignments]: String(3n + RESTORED_STEPS),
      },
    ],
  ];
  test.each(doubts)("which %s moves nothing", async (_what, meta) => {
    const second = { taskId: "t2", attempt: 1 };
    await begun();
    world.stop();
    world.start(ALWAYS, { name: second });
    for (const [name, text] of Object.entries(meta)) world.store.meta.set(name, text);
    await world.clock.advance(LOOK_MS_MAX);
    expect(world.store.looks).toBeGreaterThan(0);
    expect(runs()).toBe(true);
    expect(state(second)).toBeUndefined();
  });

  test("which went back in time moves nothing", async () => {
    await begun();
    await world.clock.advance(ASKED_MS);
    world.store.moment = 9n;
    world.stop();
    await world.clock.advance(LOOK_MS_MAX * 2);
    expect(runs()).toBe(true);
    world.store.moment = 11n;
    await world.clock.advance(LOOK_MS_MAX * 2);
    expect(state()).toBe("STOPPED");
  });

  test("which cannot be read moves nothing, and is asked again", async () => {
    await begun();
    world.stop();
    world.store.isDown = true;
    await world.clock.advance(LOOK_MS_MAX);
    expect(world.store.looks).toBeGreaterThan(1);
    expect(runs()).toBe(true);
    world.store.isDown = false;
    await world.clock.advance(LOOK_MS_MAX);
    expect(state()).toBe("STOPPED");
  });

  test("an order that is not understood, or lies at another's place, is left alone", async () => {
    await begun();
    world.stop({ taskId: "t9", attempt: 1 });
    const [strange] = world.store.orders.values();
    world.store.orders.set("assigned/w1/t1/1", strange ?? new Uint8Array());
    world.store.orders.set("assigned/w1/t2/1", new Uint8Array([0xff]));
    world.start(NO, { name: { taskId: "t3", attempt: 1 }, image: "" });
    await world.clock.advance(LOOK_MS_MAX);
    expect(runs()).toBe(true);
    expect(worker.supervisor.list()).toHaveLength(1);
  });
});
