import { expect, test } from "@jest/globals";
import type { BerthClient } from "../../client/client.ts";
import { createBerthClient } from "../../client/client.ts";
import type { WatchWord } from "../../client/watch-tasks.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { aSpec } from "../builders.ts";
import { type Cluster, startCluster } from "./harness.ts";
import { openRelay } from "./relay.ts";

// Clusters of real services in this process, over real sockets; time is ten times as fast.

const SILENCE_MS = 15_000;

const clientOf = ({ clock, random }: Cluster, ...addresses: readonly string[]): BerthClient =>
  createBerthClient(
    { addresses, silenceMs: SILENCE_MS, retryMs: 120_000, callMs: 1_000 },
    { clock, random },
  );

/** Keeps a copy of all tasks by a watch, and what the watch did that it must not. */
function follow(client: BerthClient) {
  const leave = new AbortController();
  const tasks = new Map<string, Task>();
  const kinds: WatchWord["kind"][] = [];
  const revisions: bigint[] = [];
  const waiting = new Set<() => void>();

  function take(word: WatchWord): void {
    kinds.push(word.kind);
    if (word.kind === "listed") {
      tasks.clear();
      for (const task of word.tasks) tasks.set(task.id, task);
      revisions.length = 0;
    }
    if (word.kind === "changed")
      for (const { task, removed, event } of word.changes) {
        if (event) revisions.push(event.revision);
        if (task && removed) tasks.delete(task.id);
        else if (task) tasks.set(task.id, task);
      }
    for (const look of waiting) look();
  }

  async function run(): Promise<void> {
    for await (const word of client.watchTasks({ signal: leave.signal })) take(word);
  }

  const ended = run();
  return {
    ...{ tasks, kinds, revisions },
    /** Resolves as soon as what was told is as wanted. */
    until: (isWanted: () => boolean) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!isWanted()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
    stop() {
      leave.abort();
      return ended;
    },
  };
}

/** What changed since the last list came in order and without a gap. */
const isGapless = (revisions: readonly bigint[]) =>
  revisions.every((revision, index) => revision === (revisions[0] ?? 0n) + BigInt(index));

async function submit(client: BerthClient, name: string): Promise<string> {
  const { task } = await client.submitTask({ spec: { ...aSpec({}, name), image: "web:1" } });
  return task?.id ?? "";
}

async function withCluster(
  seed: number,
  body: (cluster: Cluster, toManager: string) => Promise<void>,
): Promise<void> {
  const cluster = await startCluster({ seed, workerCount: 1 });
  try {
    await body(cluster, cluster.managerAddress);
  } finally {
    await cluster.close();
  }
}

test("submits, watches until it runs, stops, and is told what is wrong", () =>
  withCluster(11, async (cluster, address) => {
    const client = clientOf(cluster, address);
    const copy = follow(client);
    const taskId = await submit(client, "a");
    await copy.until(() => copy.tasks.get(taskId)?.state === TaskState.RUNNING);
    await client.stopTask({ taskId });
    await copy.until(() => copy.tasks.get(taskId)?.state === TaskState.STOPPED);
    await copy.stop();
    expect(isGapless(copy.revisions)).toBe(true);
    expect(copy.kinds).not.toContain("stale");
    await expect(client.submitTask({ spec: { image: "Not An Image" } })).rejects.toMatchObject({
      code: "invalid_argument",
      reason: "BAD_FIELDS",
      violations: [{ field: "spec.image" }],
    });
    await expect(client.getTask({ taskId: "nope" })).rejects.toMatchObject({
      code: "not_found",
      reason: "TASK_NOT_FOUND",
    });
  }));

test("a watch and a submit outlive a manager that crashes: its history is gone, so all is listed anew", () =>
  withCluster(12, async (cluster, address) => {
    const client = clientOf(cluster, address);
    const copy = follow(client);
    const before = await submit(client, "a");
    await copy.until(() => copy.tasks.has(before));
    const restarted = cluster.restart("manager", "crash");
    const after = await submit(client, "b");
    await restarted;
    await copy.until(() => copy.tasks.has(after));
    expect(copy.tasks.has(before)).toBe(true);
    expect(copy.kinds).toContain("stale");
    const { tasks } = await client.listTasks({});
    expect(tasks.map(({ spec }) => spec?.name).toSorted()).toEqual(["a", "b"]);
    await copy.stop();
  }));

test("a watch whose connections break goes on where it was, and sees each change once", () =>
  withCluster(13, async (cluster, address) => {
    const client = clientOf(cluster, address);
    const copy = follow(client);
    await copy.until(() => copy.kinds.length > 0);
    const ids: string[] = [];
    for (const name of ["a", "b", "c", "d", "e"]) {
      cluster.cut("manager");
      ids.push(await submit(client, name));
    }
    await copy.until(() => ids.every((id) => copy.tasks.get(id)?.state === TaskState.RUNNING));
    expect(isGapless(copy.revisions)).toBe(true);
    expect(copy.kinds.filter((kind) => kind === "listed").length).toBe(1);
    await copy.stop();
  }));

test("a connection whose other end is gone without a word is noticed by its silence", () =>
  withCluster(14, async (cluster, address) => {
    const relay = await openRelay();
    relay.leadTo(address);
    const client = clientOf(cluster, relay.address);
    const copy = follow(client);
    await copy.until(() => copy.kinds.length > 0);
    relay.freeze();
    const submitted = cluster.client.submitTask({ spec: aSpec({}, "unseen") });
    await copy.until(() => copy.kinds.includes("stale"));
    expect(copy.kinds).not.toContain("changed");
    relay.thaw();
    const { task } = await submitted;
    await copy.until(() => copy.tasks.has(task?.id ?? ""));
    expect(isGapless(copy.revisions)).toBe(true);
    await copy.stop();
    relay.close();
  }));

test("where one manager is half gone, watch and calls go to the next", () =>
  withCluster(15, async (cluster, address) => {
    const relay = await openRelay();
    relay.leadTo(address);
    const client = clientOf(cluster, relay.address, address);
    const copy = follow(client);
    await copy.until(() => copy.kinds.length > 0);
    relay.freeze();
    const taskId = await submit(client, "a");
    await copy.until(() => copy.tasks.has(taskId));
    expect((await client.listTasks({})).tasks.length).toBe(1);
    expect(isGapless(copy.revisions)).toBe(true);
    await copy.stop();
    relay.close();
  }));
