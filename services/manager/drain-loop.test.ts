import { afterEach, expect, test } from "@jest/globals";
import { OnDisconnect, RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerAvailability } from "../../gen/berth/v1/worker_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import type { Store } from "../../lib/store/store.ts";
import { aPresence, aReport, GIB, START_MS } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import { runDrainLoop } from "./drain-loop.ts";
import { runSchedulerLoop } from "./scheduler-loop.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const controls: AbortController[] = [];
afterEach(() => {
  for (const control of controls.splice(0)) control.abort();
});

const ALWAYS = { restartPolicy: { mode: RestartMode.ALWAYS } };
const { RUNNING, STARTING, STOPPED, FAILED } = TaskState;

/** A manager whose scheduler and drain loops run. */
async function createRig(store?: Store, startMs = START_MS) {
  const clock = createManualClock(startMs);
  const rig = await createManagerRig({ clock, ...(store && { store }) });
  const control = new AbortController();
  controls.push(control);
  void runSchedulerLoop(rig, control.signal);
  void runDrainLoop(rig, control.signal);
  const task = (id: string) => rig.ledger.tasks.get(id) as Task;
  return {
    ...rig,
    clock,
    task,
    stop: () => control.abort(),
    join(...workerIds: string[]) {
      for (const workerId of workerIds) {
        rig.workers.setPresence(aPresence(workerId));
        rig.workers.setLinked(workerId, true);
      }
    },
    /** A task that runs on the only worker there is. */
    async run(spec: object = ALWAYS) {
      const answer = await rig.client.submitTask({ spec: { image: "busybox:1", ...spec } });
      const id = answer.task?.id ?? "";
      rig.observer.report(aReport(id, RUNNING));
      expect(task(id)?.state).toBe(RUNNING);
      return id;
    },
    report: (id: string, state: TaskState, attempt: number, init: object = {}) =>
      rig.observer.report(aReport(id, state, { attempt, ...init })),
    drain: (timeoutSeconds?: number) =>
      rig.client.updateWorker({
        workerId: "w1",
        settings: {
          availability: WorkerAvailability.DRAINING,
          ...(timeoutSeconds !== undefined && {
            drainTimeout: { seconds: BigInt(timeoutSeconds) },
          }),
        },
        updateMask: { paths: ["availability", "drain_timeout"] },
      }),
    /** Waits until the drain of w1 is held up by one task, for this reason. */
    blocked: (expected: string) =>
      until(expected, () => {
        const [first, ...others] = rig.drains.blocksOf("w1");
        return first?.reason === expected && others.length === 0;
      }),
  };
}

const successorOf = (task: Task) => task.successor?.placement?.workerId;

test("a task moves gently: the old attempt runs until the new one does", async () => {
  const { join, run, drain, task, report, blocked, client } = await createRig();
  join("w1");
  const id = await run();
  join("w2");
  await drain();
  await until("a successor is placed", () => successorOf(task(id)) === "w2");
  expect(task(id)).toMatchObject({
    state: RUNNING,
    attempt: { number: 1 },
    successor: { number: 2 },
  });
  await blocked("moves to w2: attempt 2 is scheduled");
  expect((await client.getWorker({ workerId: "w1" })).worker?.drain?.blocks).toHaveLength(1);
  report(id, RUNNING, 2);
  expect(task(id)).toMatchObject({
    state: RUNNING,
    attempt: { number: 2, placement: { workerId: "w2" } },
    pastAttempts: [{ number: 1, leaveReason: "moved to w2" }],
    restartCount: 0,
  });
  expect((await client.getWorker({ workerId: "w1" })).worker?.drain?.remainingCount).toBe(1);
  report(id, STOPPED, 1);
  expect((await client.getWorker({ workerId: "w1" })).worker?.drain?.remainingCount).toBe(0);
});

test("five at a time, the others wait for their turn", async () => {
  const rig = await createRig();
  const { join, run, drain, task, report } = rig;
  join("w1");
  const ids: string[] = [];
  for (let n = 0; n < 7; n++) ids.push(await run());
  join("w2");
  await drain();
  const moving = () => ids.filter((id) => successorOf(task(id)) === "w2");
  await until("five move", () => moving().length === 5);
  const waiting = () => rig.drains.blocksOf("w1").filter(({ reason }) => /turn/.test(reason));
  expect(waiting()).toHaveLength(2);
  const [first = ""] = ids;
  report(first, RUNNING, 2);
  await until("the old container counts until it has stopped", () => moving().length === 4);
  report(first, STOPPED, 1);
  await until("the next one moves", () => moving().length === 5);
});

test("a task that no worker can take stays, says why, and moves once one can", async () => {
  const { join, run, drain, task, blocked } = await createRig();
  join("w1");
  const id = await run({ ...ALWAYS, limit: { memoryBytes: BigInt(5 * GIB) } });
  await drain();
  await blocked("no worker can take it: 1 worker not ready");
  join("w2");
  await until("it moves", () => successorOf(task(id)) === "w2");
});

test("a task that may never run twice is stopped first, then placed elsewhere", async () => {
  const { join, run, drain, task, report, blocked } = await createRig();
  join("w1");
  const id = await run({ ...ALWAYS, onDisconnect: OnDisconnect.STOP });
  await drain();
  await blocked("no worker can take it: 1 worker not ready");
  expect(task(id).attempt?.leaveReason).toBe("");
  join("w2");
  await until("it leaves", () => task(id).attempt?.leaveReason === "w1 drains");
  report(id, STOPPED, 1);
  await until("it is placed", () => task(id).state === TaskState.SCHEDULED);
  expect(task(id)).toMatchObject({
    attempt: { number: 2, placement: { workerId: "w2" } },
    restartCount: 0,
  });
});

test("a task that is not restarted ends by itself, until the time is up", async () => {
  const { join, run, drain, task, report, blocked, clock } = await createRig();
  join("w1");
  const id = await run({});
  join("w2");
  await drain(60);
  await blocked("ends by itself");
  await clock.advance(59_000);
  expect(task(id).attempt?.leaveReason).toBe("");
  await clock.advance(1_000);
  await until("it leaves", () => task(id).attempt?.leaveReason !== "");
  report(id, STOPPED, 1);
  await until("it is placed", () => task(id).state === TaskState.SCHEDULED);
  expect(task(id).attempt?.placement?.workerId).toBe("w2");
});

test("when time is up a successor that does not serve yet takes over as it is", async () => {
  const { join, run, drain, task, report, clock } = await createRig();
  join("w1");
  const id = await run();
  join("w2");
  await drain(60);
  await until("it moves", () => successorOf(task(id)) === "w2");
  report(id, STARTING, 2);
  await clock.advance(60_000);
  await until("it is handed over", () => task(id).attempt?.number === 2);
  expect(task(id)).toMatchObject({ state: STARTING, pastAttempts: [{ number: 1 }] });
});

test("a successor that fails is dropped, and another one follows after a while", async () => {
  const { join, run, drain, task, report, clock } = await createRig();
  join("w1");
  const id = await run();
  join("w2", "w3");
  await drain();
  await until("it moves", () => task(id).successor !== undefined);
  const first = successorOf(task(id));
  report(id, FAILED, 2);
  expect(task(id)).toMatchObject({ state: RUNNING, attempt: { number: 1 } });
  expect(task(id).successor).toBeUndefined();
  await clock.advance(1_500);
  expect(task(id).successor).toBeUndefined();
  await clock.advance(1_000);
  await until("it moves again", () => task(id).successor?.number === 3);
  expect(successorOf(task(id))).not.toBe(first);
});

test("waits for readiness where the task has a probe for it", async () => {
  const { join, run, drain, task, report } = await createRig();
  join("w1");
  const readinessProbe = { check: { case: "tcp", value: { port: 80 } } };
  const ports = [{ containerPort: 80, protocol: 10 }];
  const id = await run({ ...ALWAYS, ports, readinessProbe });
  join("w2");
  await drain();
  await until("it moves", () => successorOf(task(id)) === "w2");
  report(id, RUNNING, 2);
  expect(task(id).attempt?.number).toBe(1);
  report(id, RUNNING, 2, { ready: true });
  expect(task(id).attempt?.number).toBe(2);
});

test("a task on its way to a worker that drains is called back", async () => {
  const { join, run, drain, task, client } = await createRig();
  join("w1");
  const id = await run();
  join("w2");
  await drain();
  await until("it moves", () => successorOf(task(id)) === "w2");
  await client.updateWorker({
    workerId: "w2",
    settings: { availability: WorkerAvailability.DRAINING },
    updateMask: { paths: ["availability"] },
  });
  await until("it is called back", () => task(id).successor === undefined);
  expect(task(id)).toMatchObject({ state: RUNNING, attempt: { number: 1 } });
});

test("a manager that restarts goes on with the drain", async () => {
  const first = await createRig();
  first.join("w1");
  const id = await first.run();
  await first.drain(60);
  first.stop();
  const second = await createRig(first.store, START_MS + 10_000);
  second.join("w1", "w2");
  await until("it moves", () => successorOf(second.task(id)) === "w2");
  const { worker } = await second.client.getWorker({ workerId: "w1" });
  expect(worker?.drain?.deadlineTime?.seconds).toBe(BigInt(START_MS / 1000 + 60));
});
