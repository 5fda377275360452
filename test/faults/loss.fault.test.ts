import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { OnDisconnect, RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { engineSocket, ensureImage } from "../e2e/engine.ts";
import { identityOf } from "./audit.ts";
import { eventually } from "./eventually.ts";
import { isRunning, type Rig, startRig } from "./rig.ts";

jest.setTimeout(120_000);

const LEASE_MS = 2_000;
const restartPolicy = { mode: RestartMode.ON_FAILURE };

let rig: Rig;
beforeAll(() => ensureImage());
afterEach(() => rig.stop());

const workerOf = (task: Task) => task.attempt?.placement?.workerId;

/** The worker that a task runs on, and the one that it does not run on. */
function sidesOf(task: Task) {
  const index = rig.workerIds.indexOf(workerOf(task) ?? "");
  const [own, other] = [rig.workers[index], rig.workers[1 - index]];
  if (!own || !other) throw new Error(`task ${task.id} runs on no worker of this rig`);
  return { own, otherId: rig.workerIds[1 - index] };
}

const startTwo = () => startRig({ workers: [{}, {}], leaseMs: LEASE_MS });

test("a worker that falls silent is replaced, and stops what it still has when it wakes", async () => {
  rig = await startTwo();
  const task = await rig.sleeper({ restartPolicy });
  const { own, otherId } = sidesOf(task);
  own.pause();
  const moved = await rig.task(task.id, (it) => isRunning(it) && workerOf(it) === otherId);
  expect(moved.pastAttempts[0]?.status?.state).toBe(TaskState.LOST);
  own.resume();
  await rig.workersReady(2);
  await rig.agrees();
  expect((await rig.container(task.id)).workerId).toBe(otherId);
});

test("a worker that was killed and never comes back is replaced", async () => {
  rig = await startTwo();
  const tasks = await rig.sleepers(4, { restartPolicy });
  const { own, otherId } = sidesOf(tasks[0] as Task);
  await own.kill();
  for (const { id } of tasks) await rig.task(id, (it) => isRunning(it) && workerOf(it) === otherId);
});

test("a task that is to stop when cut off never runs twice", async () => {
  rig = await startTwo();
  const onDisconnect = OnDisconnect.STOP;
  const task = await rig.sleeper({ restartPolicy, onDisconnect, stopGrace: { seconds: 1n } });
  const { otherId } = sidesOf(task);
  let runs = 0;
  let isWatching = true;
  const watching = (async () => {
    while (isWatching) {
      const running = (await rig.containers()).filter((it) => it.taskId === task.id && it.running);
      runs = Math.max(runs, running.length);
      await systemClock.sleep(50);
    }
  })();
  await rig.registry.kill();
  await rig.manager.kill();
  await eventually("its worker has stopped it", async () =>
    (await rig.containers()).every((it) => !it.running || it.taskId !== task.id),
  );
  rig.registry.start();
  rig.manager.start();
  await rig.task(task.id, (it) => isRunning(it) && (it.attempt?.number ?? 0) > 1);
  isWatching = false;
  await watching;
  expect(runs).toBe(1);
  expect(otherId).toBeDefined();
  await rig.agrees();
});

test("a worker whose state folder was copied keeps its name; the copy is refused", async () => {
  rig = await startTwo();
  const task = await rig.sleeper({ restartPolicy });
  const { own } = sidesOf(task);
  const before = identityOf(await rig.container(task.id));
  const copy = await startRig({ isCold: true });
  try {
    cpSync(own.stateDir, copy.workers[0]?.stateDir ?? "", { recursive: true });
    // The lock goes along with the copy; on another machine its process would not be there.
    rmSync(join(copy.workers[0]?.stateDir ?? "", "worker", "owner.json"));
    copy.workers[0]?.start({
      flags: [
        ...["--listen", copy.workers[0]?.address, "--registry", rig.registry.address],
        ...["--state-dir", copy.workers[0]?.stateDir],
        ...["--docker-host", `unix://${engineSocket()}`],
      ],
    });
    await eventually("the copy is refused", async () =>
      /another worker has this worker's name/.test(copy.workers[0]?.log() ?? ""),
    );
  } finally {
    await copy.stop();
  }
  await rig.workersReady(2);
  await rig.agrees();
  expect(identityOf(await rig.container(task.id))).toEqual(before);
});

test("a worker that lost its state folder and kept its name takes its containers over", async () => {
  rig = await startTwo();
  const task = await rig.sleeper({ restartPolicy });
  const { own } = sidesOf(task);
  const before = identityOf(await rig.container(task.id));
  await own.stop();
  rmSync(own.stateDir, { recursive: true });
  own.start();
  await rig.workersReady(2);
  await rig.sleepers(2);
  await rig.agrees();
  expect(identityOf(await rig.container(task.id))).toEqual(before);
});
