import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type Container, lookAt, readFrom, writeInto } from "../../cli/copy/copy-talk.ts";
import { FileKind } from "../../gen/berth/v1/files_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { readTar } from "../../lib/tar/read-tar.ts";
import { beginEntry, endArchive, endEntry } from "../../lib/tar/write-tar.ts";
import { exitProcess } from "../../services/worker/fake-runtime-faults.ts";
import { type Follower, followTasks } from "./follower.ts";
import { type Cluster, startCluster } from "./harness.ts";
import { createUser, type User } from "./user.ts";

let cluster: Cluster;
let user: User;
let follower: Follower;
const signal = new AbortController().signal;

beforeAll(async () => {
  cluster = await startCluster({ seed: 4, workerCount: 2 });
  user = createUser(cluster.client, cluster.clock);
  follower = followTasks(cluster.client, cluster.clock);
});
afterAll(async () => {
  await follower.stop();
  await cluster.close();
});

async function see(taskId: string, isWanted: (task: Task | undefined) => boolean): Promise<Task> {
  for (;;) {
    const task = follower.tasks.get(taskId);
    if (isWanted(task)) return task as Task;
    await cluster.clock.sleep(20);
  }
}

async function run(): Promise<Container> {
  const { taskId } = await user.submit({ image: "web:1", name: "files" });
  await see(taskId, (task) => task?.state === TaskState.RUNNING);
  return { taskId, attempt: 0 };
}

const SIZE = 3_000_000;

async function* bigArchive() {
  const facts = { permissions: 0o600, modifyMs: 0, target: "" };
  const entry = { ...facts, path: "big", kind: "file", sizeBytes: SIZE } as const;
  yield beginEntry(entry);
  for (let sent = 0; sent < SIZE; sent += 100_000) yield Buffer.alloc(100_000, "z");
  yield endEntry(entry);
  yield endArchive();
}

test("megabytes go into a container and out of it, through the manager", async () => {
  const container = await run();
  await writeInto(cluster.client, container, { folder: "/tmp", archive: bigArchive(), signal });
  const facts = await lookAt(cluster.client, container, { path: "/tmp/big", signal });
  expect(facts).toMatchObject({ kind: FileKind.FILE, sizeBytes: BigInt(SIZE), permissions: 0o600 });
  let bytes = 0;
  const archive = readFrom(cluster.client, container, { path: "/tmp/big", signal });
  for await (const { content } of readTar(archive))
    for await (const chunk of content) bytes += chunk.length;
  expect(bytes).toBe(SIZE);
});

test("files of a task that has ended are still there to be copied", async () => {
  const container = await run();
  for (const { engine } of cluster.engines.values())
    for (const { key } of [...engine.containers.values()])
      if (key.taskId === container.taskId) exitProcess(engine, key, 3);
  await see(container.taskId, (task) => task?.state === TaskState.FAILED);
  const facts = await lookAt(cluster.client, container, { path: "/etc/hostname", signal });
  expect(facts?.kind).toBe(FileKind.FILE);
});

test("what is not there is told apart: a path, a task, an attempt", async () => {
  const container = await run();
  const look = (at: Container) => lookAt(cluster.client, at, { path: "/nothing", signal });
  expect(await look(container)).toBeUndefined();
  const failureOf = async (at: Container) =>
    ConnectError.from(await look(at).catch((reason: unknown) => reason));
  expect(reasonOf(await failureOf({ taskId: "nobody", attempt: 0 }))).toBe("TASK_NOT_FOUND");
  const attempt = await failureOf({ ...container, attempt: 7 });
  expect(attempt.code).toBe(Code.NotFound);
  expect(attempt.rawMessage).toContain("attempt 7 of task");
});

test("an archive that breaks off fails with its own reason, and not as done", async () => {
  async function* broken() {
    yield Buffer.alloc(600);
    throw new Error("the disk went away");
  }
  const folder = { folder: "/tmp", archive: broken(), signal };
  await expect(writeInto(cluster.client, await run(), folder)).rejects.toThrow(
    "the disk went away",
  );
});

test("who copies knows which worker is away", async () => {
  const container = await run();
  const workerId = follower.tasks.get(container.taskId)?.attempt?.placement?.workerId ?? "";
  await writeInto(cluster.client, container, { folder: "/tmp", archive: bigArchive(), signal });
  const archive = readFrom(cluster.client, container, { path: "/tmp/big", signal });
  await archive.next();
  cluster.cut(workerId);
  const error = await (async () => {
    for await (const _ of archive);
  })().catch((reason: unknown) => reason);
  expect(reasonOf(error)).toBe("WORKER_UNREACHABLE");
  expect(ConnectError.from(error).rawMessage).toContain(workerId);
});
