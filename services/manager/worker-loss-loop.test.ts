import { createRouterTransport } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "@jest/globals";
import { COMEBACK_GRACE_MS } from "../../core/worker-loss.ts";
import { OnDisconnect, RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import type { Store } from "../../lib/store/store.ts";
import { aPlacedTask, aPresence, aReport } from "../../test/builders.ts";
import { createRegistryWord } from "./registry-word.ts";
import { asChannel, createManagerRig } from "./testing/manager-rig.ts";
import { runWorkerLoss } from "./worker-loss-loop.ts";

const LEASE = 4_000;

const controls: AbortController[] = [];
afterEach(() => {
  for (const control of controls.splice(0)) control.abort();
});

/** A manager that watches over workers w1 to w3, of which each answers unless it is dead. */
async function createRig(options: Readonly<{ store?: Store }> = {}) {
  const manual = createManualClock();
  let jumpedMs = 0;
  const clock: Clock = { ...manual, monotonic: () => manual.monotonic() + jumpedMs };
  const dead = new Set<string>();
  const asked: string[] = [];
  const connect = (address: string) => {
    const [workerId = ""] = address.split(":");
    return asChannel(
      createRouterTransport(({ service }) =>
        service(WorkerService, {
          getStats() {
            asked.push(workerId);
            if (dead.has(workerId)) throw unavailable("NO_ROUTE", "no route to host");
            return {};
          },
        }),
      ),
    );
  };
  const rig = await createManagerRig({ clock, ...options });
  const word = createRegistryWord(clock);
  const control = new AbortController();
  controls.push(control);
  const start = () => void runWorkerLoss({ ...rig, word, connect, leaseMs: LEASE }, control.signal);

  const tell = (workerId: string, state = WorkerState.UP, reason = "registered") => {
    rig.workers.setPresence(aPresence(workerId, { state, reason }));
    word.hear();
  };
  return {
    ...rig,
    word,
    asked,
    dead,
    tell,
    start,
    advance: manual.advance,
    /** As when the whole process was stopped for a while. */
    pause: (ms: number) => {
      jumpedMs += ms;
    },
    join(...workerIds: readonly string[]) {
      for (const workerId of workerIds) {
        tell(workerId);
        rig.workers.setLinked(workerId, true);
      }
    },
    /** Its machine is gone: the registry has noticed. */
    kill(workerId: string) {
      dead.add(workerId);
      tell(workerId, WorkerState.DOWN, "lease expired");
    },
    async run(taskId: string, workerId: string, spec: Parameters<typeof aPlacedTask>[2] = {}) {
      const task = aPlacedTask(taskId, workerId, spec);
      const change = { kind: "written", task, fromState: 0, reason: "", workerId } as const;
      await rig.ledger.commit([change]);
      rig.observer.report(aReport(taskId, TaskState.RUNNING, { containerId: "c" }));
      await rig.ledger.settled();
    },
    stateOf: (taskId: string) => rig.ledger.tasks.get(taskId)?.state,
  };
}

const always = { restartPolicy: { mode: RestartMode.ALWAYS } };

/** Three workers, one task on the first, and a manager that has been running for a while. */
async function createCalm(spec: Parameters<typeof aPlacedTask>[2] = {}) {
  const rig = await createRig();
  rig.join("w1", "w2", "w3");
  await rig.run("t1", "w1", spec);
  rig.start();
  await rig.advance(LEASE);
  return rig;
}

describe("a silent worker", () => {
  test("is asked at once, and its tasks go on elsewhere", async () => {
    const { kill, advance, asked, ledger } = await createCalm(always);
    kill("w1");
    await advance(0);
    expect(asked).toEqual(["w1"]);
    expect(ledger.tasks.get("t1")).toMatchObject({
      state: TaskState.PENDING,
      attempt: { number: 2 },
      pastAttempts: [{ status: { failure: { message: "worker w1 was lost: lease expired" } } }],
    });
  });

  test("ends a task that is not restarted", async () => {
    const { kill, advance, stateOf } = await createCalm();
    kill("w1");
    await advance(0);
    expect(stateOf("t1")).toBe(TaskState.LOST);
  });

  test("is asked for another link, should the old one be half open", async () => {
    const { kill, advance, workers } = await createCalm();
    kill("w1");
    await advance(0);
    expect(workers.get("w1")?.linkRound).toBe(1);
  });
});

describe("a worker that the registry does not hear", () => {
  test("is not lost while it answers, and is asked every second", async () => {
    const { tell, advance, asked, stateOf } = await createCalm();
    tell("w1", WorkerState.DOWN, "lease expired");
    await advance(10_000);
    expect(asked.length).toBe(11);
    expect(stateOf("t1")).toBe(TaskState.RUNNING);
  });

  test("is lost when it stops answering, and not asked any more once nothing is there", async () => {
    const { tell, dead, advance, asked, stateOf } = await createCalm();
    tell("w1", WorkerState.DOWN, "lease expired");
    await advance(5_000);
    dead.add("w1");
    await advance(1_000);
    expect(stateOf("t1")).toBe(TaskState.LOST);
    const count = asked.length;
    await advance(10_000);
    expect(asked.length).toBe(count);
  });

  test("is left alone once it is back", async () => {
    const { tell, advance, dead, asked, stateOf } = await createCalm();
    tell("w1", WorkerState.DOWN, "lease expired");
    await advance(500);
    tell("w1");
    dead.add("w1");
    await advance(60_000);
    expect([asked.length, stateOf("t1")]).toEqual([1, TaskState.RUNNING]);
  });
});

describe("a worker that left", () => {
  test("has a lease to come back", async () => {
    const { tell, workers, advance, asked, stateOf, word } = await createCalm();
    tell("w1", WorkerState.LEFT, "stopped");
    workers.setLinked("w1", false);
    await advance(LEASE - 1);
    expect(stateOf("t1")).toBe(TaskState.RUNNING);
    await advance(1);
    word.hear();
    await advance(0);
    expect([stateOf("t1"), asked]).toEqual([TaskState.LOST, []]);
  });
});

describe("a manager that has just started", () => {
  test("waits longest for workers that nobody has told of", async () => {
    const { store, run } = await createRig();
    await run("t1", "w1");
    const { start, tell, advance, stateOf, word } = await createRig({ store });
    start();
    await advance(60_000);
    expect(stateOf("t1")).toBe(TaskState.RUNNING);
    tell("w2");
    await advance(COMEBACK_GRACE_MS - 1);
    expect(stateOf("t1")).toBe(TaskState.RUNNING);
    await advance(1);
    word.hear();
    await advance(0);
    expect(stateOf("t1")).toBe(TaskState.LOST);
  });
});

test("a manager that stalled takes nobody for lost for a lease", async () => {
  const { kill, pause, advance, stateOf } = await createCalm();
  pause(60_000);
  // Its timers run before what waits in the sockets is read.
  await advance(500);
  kill("w1");
  await advance(LEASE - 1);
  expect(stateOf("t1")).toBe(TaskState.RUNNING);
  await advance(1);
  expect(stateOf("t1")).toBe(TaskState.LOST);
});

test("a task that stops itself is replaced only when it must have stopped", async () => {
  const onDisconnect = OnDisconnect.STOP;
  const { kill, advance, stateOf } = await createCalm({ onDisconnect, stopGrace: { seconds: 5n } });
  kill("w1");
  await advance(5_999);
  expect(stateOf("t1")).toBe(TaskState.RUNNING);
  await advance(1);
  expect(stateOf("t1")).toBe(TaskState.LOST);
});

test("when all go at once the brake is on, says so, and lets go when a second period confirms it", async () => {
  const { kill, advance, stateOf, client } = await createCalm();
  for (const workerId of ["w1", "w2", "w3"]) kill(workerId);
  await advance(0);
  const { cluster } = await client.getCluster({});
  expect(cluster?.brakeReason).toBe(
    "1 of 3 workers went at once: none is taken for lost before another 20 s",
  );
  await advance(COMEBACK_GRACE_MS - 1);
  expect(stateOf("t1")).toBe(TaskState.RUNNING);
  await advance(1);
  expect(stateOf("t1")).toBe(TaskState.LOST);
  expect((await client.getCluster({})).cluster?.brakeReason).toBe("");
});
