import { afterEach, describe, expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { WorkerServiceWatchTasksResponse } from "../../gen/berth/v1/worker_service_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import type { Attempt, Stage } from "./attempt.ts";
import { createReportFeed } from "./reports-feed.ts";
import { attemptAt } from "./test-attempt.ts";
import { CHECKPOINT_MS, createWatchers, SNAPSHOT_MS, WATCHES_MAX } from "./watchers.ts";

const container = { id: "x", startTimeMs: 1, ports: [] };
const stages = {
  creating: { kind: "creating", isPulled: false },
  running: { kind: "running", container },
  stopping: { kind: "stopping", container },
} satisfies Record<string, Stage>;

const attempt = (taskId: string, stage: keyof typeof stages = "running"): Attempt =>
  attemptAt(stages[stage], { key: { taskId, attempt: 1 }, name: taskId });

const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

function world(held: Attempt[] = []) {
  const clock = createManualClock();
  const feed = createReportFeed();
  const watchers = createWatchers({ clock, feed, attempts: () => held });
  function open(epoch = 1n) {
    const life = new AbortController();
    lives.push(life);
    const stream = watchers.open(epoch, life.signal);
    const next = async () => (await stream.next()).value as WorkerServiceWatchTasksResponse;
    return { next, stream, leave: () => life.abort() };
  }
  return { clock, feed, held, watchers, open };
}

const reportsIn = ({ news }: WorkerServiceWatchTasksResponse) =>
  news.case === "reports" || news.case === "snapshot"
    ? news.value.reports.map(({ taskId, status }) => [taskId, status?.state])
    : [];

const isComplete = ({ news }: WorkerServiceWatchTasksResponse) =>
  news.case === "snapshot" && news.value.complete;

test("an empty worker says so", async () => {
  const { news } = await world().open().next();
  expect(news).toMatchObject({ case: "snapshot", value: { reports: [], complete: true } });
});

test("a snapshot comes in parts of at most 500", async () => {
  const { next } = world(Array.from({ length: 1_001 }, (_, i) => attempt(`t${i}`))).open();
  const parts = [await next(), await next(), await next()];
  expect(parts.map((part) => reportsIn(part).length)).toEqual([500, 500, 1]);
  expect(parts.map(({ news }) => news.case === "snapshot" && news.value.complete)).toEqual([
    false,
    false,
    true,
  ]);
});

test("what happens while the snapshot is sent is reported after it", async () => {
  const { feed, open } = world(Array.from({ length: 501 }, (_, i) => attempt(`t${i}`)));
  const { next } = open();
  await next();
  feed.publish(attempt("t0", "stopping"));
  await next();
  expect(reportsIn(await next())).toEqual([["t0", TaskState.STOPPING]]);
});

test("of several changes of one attempt the latest is sent", async () => {
  const { feed, open } = world();
  const { next } = open();
  await next();
  feed.publish(attempt("a", "creating"));
  feed.publish(attempt("b", "creating"));
  feed.publish(attempt("a", "running"));
  expect(reportsIn(await next())).toEqual([
    ["a", TaskState.RUNNING],
    ["b", TaskState.STARTING],
  ]);
});

test("a quiet watch gives a sign of life with the number of attempts", async () => {
  const { clock, open } = world([attempt("a"), attempt("b")]);
  const { next } = open();
  await next();
  const sign = next();
  await clock.advance(CHECKPOINT_MS);
  expect((await sign).news).toMatchObject({ case: "checkpoint", value: { attemptCount: 2 } });
});

describe("every minute", () => {
  /** Reads a quiet watch for a minute, and one message more. */
  async function afterAMinute(held: Attempt[], change: (held: Attempt[]) => void) {
    const rig = world(held);
    const { next } = rig.open();
    while (!isComplete(await next()));
    change(held);
    const signs = Array.from({ length: SNAPSHOT_MS / CHECKPOINT_MS - 1 }, next);
    await rig.clock.advance(SNAPSHOT_MS - 1);
    const kinds = (await Promise.all(signs)).map(({ news }) => news.case);
    expect(new Set(kinds)).toEqual(new Set(["checkpoint"]));
    const last = next();
    await rig.clock.advance(1);
    return { ...rig, next, last: await last };
  }

  test("all is told again, as it is by then", async () => {
    const { last } = await afterAMinute([attempt("a"), attempt("b")], (held) => {
      held.shift();
      held.push(attempt("c", "creating"));
    });
    expect(isComplete(last)).toBe(true);
    expect(reportsIn(last)).toEqual([
      ["b", TaskState.RUNNING],
      ["c", TaskState.STARTING],
    ]);
  });

  test("all is told in parts, and what happens meanwhile after them", async () => {
    const many = Array.from({ length: 501 }, (_, i) => attempt(`t${i}`));
    const { last, next, feed } = await afterAMinute(many, () => undefined);
    feed.publish(attempt("t0", "stopping"));
    expect([isComplete(last), isComplete(await next())]).toEqual([false, true]);
    expect(reportsIn(await next())).toEqual([["t0", TaskState.STOPPING]]);
  });
});

describe("a newer epoch", () => {
  test("ends older watches and leaves its own", async () => {
    const { open, watchers, feed } = world();
    const [old, current] = [open(1n), open(2n)];
    await Promise.all([old.next(), current.next()]);
    watchers.endBefore(2n);
    expect(reasonOf(await old.next().catch((error: unknown) => error))).toBe("STALE_EPOCH");
    feed.publish(attempt("a"));
    expect(reportsIn(await current.next())).toHaveLength(1);
  });
});

test("a watch too many ends the oldest", async () => {
  const { open } = world();
  const all = Array.from({ length: WATCHES_MAX + 1 }, () => open());
  for (const { next } of all) await next();
  expect(reasonOf(await all[0]?.next().catch((error: unknown) => error))).toBe("WATCH_REPLACED");
});

test("a reader that leaves is forgotten", async () => {
  const { open, feed, clock } = world();
  const { next, stream, leave } = open();
  await next();
  const end = stream.next();
  leave();
  expect((await end).done).toBe(true);
  feed.publish(attempt("a"));
  await clock.advance(0);
  expect(clock.sleeperCount).toBe(0);
});
