import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { FailureReason, RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { ensureImage } from "../e2e/engine.ts";
import { identityOf } from "./audit.ts";
import { isRunning, type Rig, startRig } from "./rig.ts";

jest.setTimeout(120_000);

const restartPolicy = { mode: RestartMode.ON_FAILURE };

let rig: Rig;
beforeAll(async () => {
  await ensureImage();
  rig = await startRig();
});
afterAll(() => rig.stop());

const isSecond = (task: Task) => isRunning(task) && task.attempt?.number === 2;
const containerOf = async (taskId: string) =>
  rig.docker.getContainer((await rig.container(taskId)).id);

/** What ended the first attempt. */
const failureOf = ({ pastAttempts }: Task) => pastAttempts[0]?.status?.failure?.reason;

test("a container removed by force behind Berth's back is replaced", async () => {
  const { id } = await rig.sleeper({ restartPolicy });
  await (await containerOf(id)).remove({ force: true });
  // The engine kills it first, and tells of that if somebody asks in between.
  expect([FailureReason.REMOVED_EXTERNALLY, FailureReason.EXITED]).toContain(
    failureOf(await rig.task(id, isSecond)),
  );
  await rig.agrees();
});

test("a container killed behind Berth's back is replaced, its exit code known", async () => {
  const { id } = await rig.sleeper({ restartPolicy });
  await (await containerOf(id)).kill();
  const again = await rig.task(id, isSecond);
  expect(again.pastAttempts[0]?.status?.exitCode).toBe(137);
  await rig.agrees();
});

test("a container stopped behind Berth's back that ends well has completed", async () => {
  const { id } = await rig.sleeper({ restartPolicy });
  await (await containerOf(id)).stop({ t: 5 });
  const ended = await rig.task(id, ({ state }) => state === TaskState.COMPLETED);
  expect(ended.attempt?.number).toBe(1);
  await rig.agrees();
});

test("a container restarted behind Berth's back leaves one that runs, and not two", async () => {
  const { id } = await rig.sleeper({ restartPolicy: { mode: RestartMode.ALWAYS } });
  await (await containerOf(id)).restart({ t: 2 });
  await rig.task(id, (task) => isRunning(task) && (task.attempt?.number ?? 0) > 1);
  await rig.agrees();
});

test("a container that takes more memory than it may is ended, and told from others", async () => {
  const { id } = await rig.submit({
    command: ["dd", "if=/dev/zero", "of=/dev/null", "bs=256M"],
    limit: { memoryBytes: 32n * 1024n * 1024n },
  });
  const ended = await rig.task(id, ({ state }) => state === TaskState.FAILED);
  expect(ended.attempt?.status?.failure?.reason).toBe(FailureReason.OOM_KILLED);
  await rig.agrees();
});

test("a container frozen by the engine goes on where it was", async () => {
  const { id } = await rig.sleeper({ restartPolicy });
  const before = identityOf(await rig.container(id));
  const container = await containerOf(id);
  await container.pause();
  await rig.sleeper();
  await container.unpause();
  await rig.agrees();
  expect(identityOf(await rig.container(id))).toEqual(before);
});

test("a container that ignores a polite stop is killed after its grace", async () => {
  const { id } = await rig.sleeper({
    command: ["sh", "-c", "trap '' TERM; while true; do sleep 1; done"],
    stopGrace: { seconds: 1n },
  });
  await rig.stopTask(id);
  await rig.task(id, ({ state }) => state === TaskState.STOPPED);
  await rig.agrees();
});

test("a process that forks without end meets its limit and hurts nobody else", async () => {
  const bystander = await rig.sleeper();
  const before = identityOf(await rig.container(bystander.id));
  const { id } = await rig.submit({
    command: ["sh", "-c", "for i in $(seq 200); do sleep 60 & done; wait"],
    limit: { pids: 20n },
  });
  await rig.task(id, ({ state }) => state >= TaskState.RUNNING);
  await rig.stopTask(id);
  await rig.agrees();
  expect(identityOf(await rig.container(bystander.id))).toEqual(before);
});

test("containers of others on the same engine are left alone", async () => {
  const stranger = await rig.docker.createContainer({
    Image: "berth-test/busybox:1",
    Cmd: ["sleep", "300"],
    HostConfig: { NetworkMode: "host" },
    Labels: { "dev.berth.cluster": "another", "dev.berth.worker": rig.workerIds[0] ?? "" },
  });
  try {
    await stranger.start();
    const before = await stranger.inspect();
    await rig.workers[0]?.kill();
    rig.workers[0]?.start();
    await rig.workersReady(1);
    await rig.sleeper();
    const after = await stranger.inspect();
    expect(after.State.Running).toBe(true);
    expect(after.State.StartedAt).toBe(before.State.StartedAt);
  } finally {
    await stranger.remove({ force: true });
  }
});
