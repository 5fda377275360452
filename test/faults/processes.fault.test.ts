import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { ensureImage, TEST_IMAGE } from "../e2e/engine.ts";
import { identityOf } from "./audit.ts";
import { eventually } from "./eventually.ts";
import { isUnknown } from "./history.ts";
import { beginLongPause, courseOf, type LongPause } from "./long-pause.ts";
import { isRunning, type Rig, SLEEPER, startRig } from "./rig.ts";

jest.setTimeout(120_000);

const LEASE_MS = 1_000;

let rig: Rig;
/** Another cluster, whose manager is stopped while the tests of this file are at work. */
let longPause: LongPause | undefined;
/** Tasks that run from the beginning, and that no fault of this file may touch. */
let bystanders: readonly string[] = [];
let before: ReadonlyMap<string, ReturnType<typeof identityOf>>;

beforeAll(async () => {
  await ensureImage();
  longPause = await beginLongPause();
  rig = await startRig({ workers: [{}, {}], leaseMs: LEASE_MS });
  bystanders = (await rig.sleepers(6)).map(({ id }) => id);
  before = await identities();
});
afterAll(async () => {
  try {
    await longPause?.stop();
  } finally {
    await rig?.stop();
  }
});

async function identities() {
  const containers = await rig.containers();
  return new Map(
    containers
      .filter(({ taskId }) => bystanders.includes(taskId))
      .map((container) => [container.id, identityOf(container)]),
  );
}

/** After every fault: all is as promised, everybody is back, and no container was touched. */
async function allIsWell(): Promise<void> {
  await rig.workersReady(2);
  await rig.sleeper();
  await rig.agrees();
  expect(await identities()).toEqual(before);
  for (const taskId of bystanders) {
    const { task } = await rig.client.getTask({ taskId });
    expect(task?.attempt?.number).toBe(1);
    expect(task?.pastAttempts).toEqual([]);
  }
}

test("a manager killed with -9 comes back and finds its tasks running", async () => {
  await rig.manager.kill();
  rig.manager.start();
  await allIsWell();
});

test("a registry killed with -9 comes back empty, and every worker registers anew", async () => {
  await rig.registry.kill();
  rig.registry.start();
  await allIsWell();
});

test("a worker killed with -9 comes back and adopts its containers", async () => {
  await rig.workers[0]?.kill();
  rig.workers[0]?.start();
  await allIsWell();
});

test("all processes killed with -9 at once come back to the same containers", async () => {
  const all = [rig.manager, rig.registry, ...rig.workers];
  await Promise.all(all.map((role) => role.kill()));
  for (const role of all) role.start();
  await allIsWell();
});

test("a manager killed between submissions and their answers keeps what it acknowledged, once", async () => {
  const asked = Array.from({ length: 15 }, (_, i) => ({
    requestId: `between-${process.pid}-${i}`,
    spec: { ...SLEEPER, image: TEST_IMAGE, command: ["true"], name: `between-${i}` },
  }));
  const answers = asked.map(async (request, i) => {
    await systemClock.sleep(i * 10);
    try {
      return (await rig.client.submitTask(request, { timeoutMs: 3_000 })).task?.id;
    } catch (error) {
      if (isUnknown(error)) return undefined;
      throw error;
    }
  });
  await systemClock.sleep(100);
  await rig.manager.kill();
  rig.manager.start();
  const acknowledged = await Promise.all(answers);
  const again = await eventually("every request is answered again", () =>
    Promise.all(
      asked.map(async (request) => {
        const { task } = await rig.client.submitTask(request, { timeoutMs: 3_000 });
        return task?.id ?? "";
      }),
    ),
  );
  for (const [i, id] of again.entries()) {
    rig.history.noteSubmit(id);
    if (acknowledged[i] !== undefined) expect(id).toBe(acknowledged[i]);
    const { tasks } = await rig.client.listTasks({ filter: { name: `between-${i}` } });
    expect(tasks).toHaveLength(1);
  }
  await allIsWell();
});

test("a registry paused for five leases declares no worker lost when it wakes", async () => {
  rig.registry.pause();
  await systemClock.sleep(5 * LEASE_MS);
  rig.registry.resume();
  await allIsWell();
});

test("a worker paused for less than its lease is not missed", async () => {
  rig.workers[1]?.pause();
  await systemClock.sleep(LEASE_MS / 2);
  rig.workers[1]?.resume();
  await allIsWell();
});

test("a manager killed three times over while tasks come in loses none of them", async () => {
  const submissions: Promise<unknown>[] = [];
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 5; i++) submissions.push(rig.submit({ command: ["true"] }));
    await systemClock.sleep(150);
    await rig.manager.kill();
    rig.manager.start();
  }
  await Promise.all(submissions);
  await allIsWell();
});

test("a stop that was acknowledged before the manager died is carried out", async () => {
  const { id } = await rig.sleeper();
  await rig.workers[0]?.kill();
  await rig.workers[1]?.kill();
  await rig.stopTask(id);
  await rig.manager.kill();
  rig.manager.start();
  for (const worker of rig.workers) worker.start();
  await rig.task(id, ({ state }) => state === TaskState.STOPPED);
  await allIsWell();
});

test("a container that ended while every process was down is reported with its true exit code", async () => {
  const { id } = await rig.sleeper({
    command: ["sh", "-c", "trap 'exit 7' USR1; while true; do sleep 0.1; done"],
  });
  const { id: containerId } = await rig.container(id);
  const all = [rig.manager, rig.registry, ...rig.workers];
  await Promise.all(all.map((role) => role.kill()));
  const container = rig.docker.getContainer(containerId);
  await container.kill({ signal: "SIGUSR1" });
  await container.wait();
  for (const role of all) role.start();
  const ended = await rig.task(id, ({ state }) => state === TaskState.FAILED);
  expect(ended.attempt?.status?.exitCode).toBe(7);
  expect(isRunning(ended)).toBe(false);
  await allIsWell();
});

test("a manager paused for a minute, all else by default, loses no worker and restarts nothing", async () => {
  if (!longPause) throw new Error("the pause never began");
  const { before, workerCount } = longPause;
  const after = await longPause.finish();
  const used = new Set(before.tasks.map(({ attempt }) => attempt?.placement?.workerId));
  expect(used.size).toBe(workerCount);
  for (const course of before.tasks.map(courseOf))
    expect(course).toMatchObject({ isRunning: true, attempt: 1, pastAttempts: 0 });
  expect(after.tasks.map(courseOf)).toEqual(before.tasks.map(courseOf));
  expect(after.containers.map(identityOf)).toEqual(before.containers.map(identityOf));
});
