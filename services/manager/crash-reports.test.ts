import { toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { write } from "../../core/task-change.ts";
import { toTimestamp } from "../../core/time.ts";
import { CrashReportSchema } from "../../gen/berth/v1/crash_report_pb.ts";
import { type Attempt, FailureReason, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { notFound, unavailable } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { anAttempt, aPlacedTask, aPresence, aStatus, START_MS } from "../../test/builders.ts";
import { REPORTS_MAX, readReports } from "./crash-log.ts";
import { runCrashLoop } from "./crash-loop.ts";
import { runHistoryKeeper } from "./history-keeper.ts";
import { asChannel, createManagerRig } from "./testing/manager-rig.ts";

const { COMPLETED, FAILED, LOST, RUNNING } = TaskState;

type Answer = (attempt: number) => object;

const lineOf: Answer = (attempt) => ({ lines: [{ text: `last words of ${attempt}` }] });

/** A manager whose crash loop runs, and a worker w1 that is asked for evidence. */
async function rig(answer: Answer = lineOf, clockOf = (clock: Clock) => clock) {
  const clock = createManualClock();
  const asked: string[] = [];
  const worker = { answer };
  const transport = createRouterTransport(({ service }) =>
    service(WorkerService, {
      getCrashEvidence({ taskId, attempt }) {
        asked.push(`${taskId}/${attempt}`);
        return { evidence: worker.answer(attempt) };
      },
    }),
  );
  const manager = await createManagerRig({ clock, connect: () => asChannel(transport) });
  manager.workers.setPresence(aPresence("w1"));
  const life = new AbortController();
  const ended = runCrashLoop({ ...manager, clock: clockOf(clock) }, life.signal);
  const { client, ledger } = manager;
  return {
    ...{ ...manager, clock, asked, worker },
    put: (task: Task) => ledger.commit([write(task, task.state, "for a test")]),
    list: async (taskId: string, attempt = 0) =>
      (await client.listCrashReports({ taskId, attempt })).reports,
    async settle() {
      await clock.advance(10);
      await ledger.settled();
    },
    async end() {
      life.abort();
      await ended;
    },
  };
}

const attemptOf = (number: number, state: TaskState, init: object = {}): Attempt =>
  anAttempt(number, {
    placement: { workerId: "w1" },
    status: aStatus(state, {
      ...{ containerId: `c${number}`, startTime: toTimestamp(START_MS + number * 1_000) },
      ...(state >= COMPLETED && { finishTime: toTimestamp(START_MS + number * 1_000 + 500) }),
      ...(state === FAILED && {
        failure: { reason: FailureReason.EXITED, message: "exit code 3" },
      }),
      ...init,
    }),
  });

const taskOf = (id: string, attempt: Attempt, pastAttempts: Attempt[] = [], spec = {}): Task => ({
  ...aPlacedTask(id, "w1", spec),
  ...{ attempt, pastAttempts, state: attempt.status?.state ?? TaskState.PENDING },
});

const linesOf = (reports: Awaited<ReturnType<Awaited<ReturnType<typeof rig>>["list"]>>) =>
  reports.map(({ evidence }) => evidence?.lines[0]?.text);

test("the report of a failure is made when it becomes durable, and kept", async () => {
  const { put, list, asked, settle, worker, store, end } = await rig();
  await put(taskOf("t1", attemptOf(1, FAILED)));
  await settle();
  expect(asked).toEqual(["t1/1"]);
  worker.answer = () => {
    throw unavailable("GONE", "the worker is lost");
  };
  const [report] = await list("t1");
  expect(report).toMatchObject({ taskId: "t1", attempt: 1, workerId: "w1", state: FAILED });
  expect(report?.evidence?.lines[0]?.text).toBe("last words of 1");
  expect(await readReports(store, "t1")).toEqual([report]);
  expect(asked).toHaveLength(1);
  await end();
});

test("a task that runs or has completed has none, and what is not there is not found", async () => {
  const { put, list, asked, settle, end } = await rig();
  await put(taskOf("t1", attemptOf(1, RUNNING)));
  await put(taskOf("t2", attemptOf(1, COMPLETED)));
  await settle();
  expect([await list("t1"), await list("t2"), asked]).toEqual([[], [], []]);
  const codeOf = (call: Promise<unknown>) =>
    call.catch((error: unknown) => ConnectError.from(error).code);
  expect(await codeOf(list("t3"))).toBe(Code.NotFound);
  expect(await codeOf(list("t1", 1))).toBe(Code.NotFound);
  await end();
});

test("who had no container, was lost or refused is reported without asking anybody", async () => {
  const { put, list, asked, settle, end } = await rig();
  const failure = { reason: FailureReason.REFUSED, message: "not here" };
  await put(taskOf("t1", attemptOf(1, FAILED, { containerId: "" })));
  await put(taskOf("t2", attemptOf(1, LOST)));
  await put(taskOf("t3", attemptOf(1, FAILED, { containerId: "", failure })));
  await settle();
  const notes = await Promise.all(["t1", "t2", "t3"].map((id) => list(id)));
  expect(notes.flat().map(({ evidenceNote }) => evidenceNote)).toEqual([
    "it never had a container",
    "its worker was lost, and with it what the worker had",
    "it never had a container",
  ]);
  expect(notes[2]?.[0]?.cause).toBe("failed: refused: not here");
  expect(asked).toEqual([]);
  await end();
});

test("a worker that cannot be asked is asked again; in the end the report is kept without it", async () => {
  const { put, list, asked, settle, worker, store, clock, end } = await rig(() => {
    throw unavailable("BUSY", "not now");
  });
  await put(taskOf("t1", attemptOf(1, FAILED)));
  await settle();
  expect(await readReports(store, "t1")).toEqual([]);
  worker.answer = lineOf;
  await clock.advance(2_000);
  await settle();
  expect(linesOf(await readReports(store, "t1").then((all) => [...all]))).toEqual([
    "last words of 1",
  ]);
  worker.answer = () => {
    throw unavailable("BUSY", "not now");
  };
  await put(taskOf("t2", attemptOf(1, FAILED)));
  for (let i = 0; i < 3; i++) await clock.advance(2_000);
  await settle();
  expect((await list("t2"))[0]?.evidenceNote).toContain("worker w1 could not be asked: ");
  expect(await readReports(store, "t2")).toHaveLength(1);
  expect(asked.filter((name) => name === "t2/1")).toHaveLength(3);
  await end();
});

test("what its worker no longer holds is kept as that", async () => {
  const { put, list, settle, store, end } = await rig(() => {
    throw notFound("attempt", "t1/1");
  });
  await put(taskOf("t1", attemptOf(1, FAILED)));
  await settle();
  expect((await list("t1"))[0]?.evidenceNote).toBe("worker w1 no longer holds it");
  expect(await readReports(store, "t1")).toHaveLength(1);
  await end();
});

test("of failures in a row the latest are kept, latest first, and all go with the task", async () => {
  const { put, list, settle, store, ledger, clock, client, end } = await rig();
  const past: Attempt[] = [];
  for (let number = 1; number <= REPORTS_MAX + 2; number++) {
    const attempt = attemptOf(number, FAILED);
    await put(taskOf("t1", attempt, past.slice(0, 5)));
    await settle();
    past.unshift(attempt);
  }
  const reports = await list("t1");
  expect(reports.map(({ attempt }) => attempt)).toEqual([8, 7, 6, 5, 4, 3]);
  expect((await list("t1", 5)).map(({ attempt }) => attempt)).toEqual([5]);
  const page = await client.listCrashReports({ taskId: "t1", pageSize: 4 });
  const rest = await client.listCrashReports({ taskId: "t1", pageToken: page.nextPageToken });
  expect(rest.reports.map(({ attempt }) => attempt)).toEqual([4, 3]);

  const sweeping = new AbortController();
  const keeping = { store, ledger, clock, log: silentLog };
  const kept = { historyMs: 3_600_000, removedMax: 100 };
  const swept = runHistoryKeeper(keeping, kept, sweeping.signal);
  await client.removeTask({ taskId: "t1" });
  await settle();
  expect(await store.count("crash/")).toBe(0);
  sweeping.abort();
  await swept;
  await end();
});

test("the good run is remembered although the task has forgotten it", async () => {
  const { put, list, settle, end } = await rig();
  const good = attemptOf(1, COMPLETED, { imageId: "sha256:a" });
  await put(taskOf("t1", attemptOf(2, FAILED, { imageId: "sha256:b" }), [good]));
  await settle();
  const fails = [2, 3, 4, 5, 6].map((n) => attemptOf(n, FAILED)).reverse();
  await put(taskOf("t1", attemptOf(7, FAILED, { imageId: "sha256:c" }), fails));
  await settle();
  const [report] = await list("t1");
  expect(report?.goodRun).toMatchObject({ taskId: "t1", attempt: 1 });
  expect(report?.changes).toMatchObject([
    { path: "image_id", before: "sha256:a", after: "sha256:c" },
  ]);
  await end();
});

test("a task is compared with the latest good one of its name", async () => {
  const { put, list, settle, end } = await rig();
  const web = { name: "web" };
  await put(taskOf("t1", attemptOf(1, COMPLETED), [], { ...web, image: "web:1" }));
  await put(taskOf("t2", attemptOf(2, COMPLETED), [], { ...web, image: "web:2" }));
  await put(taskOf("t3", attemptOf(3, COMPLETED), [], { name: "other" }));
  await put(taskOf("t4", attemptOf(4, FAILED), [], { ...web, image: "web:3" }));
  await put(taskOf("t5", attemptOf(5, FAILED), []));
  await settle();
  const [report] = await list("t4");
  expect(report?.goodRun?.taskId).toBe("t2");
  expect(report?.changes).toMatchObject([{ path: "spec.image", before: "web:2", after: "web:3" }]);
  expect((await list("t5"))[0]?.goodRun).toBeUndefined();
  await put(taskOf("t6", attemptOf(6, COMPLETED), [], { ...web, image: "web:3" }));
  await put(taskOf("t7", attemptOf(7, FAILED), [], { ...web, image: "web:3" }));
  await settle();
  expect((await list("t7"))[0]).toMatchObject({ goodRun: { taskId: "t6" }, changes: [] });
  await end();
});

test("a report is small: of a task that says little, and of one that says much", async () => {
  const { put, list, settle, end } = await rig((attempt) =>
    attempt === 1
      ? lineOf(attempt)
      : { lines: Array.from({ length: 6 }, () => ({ text: "x".repeat(1_000) })) },
  );
  await put(taskOf("t1", attemptOf(1, FAILED)));
  await put(taskOf("t2", attemptOf(2, FAILED)));
  await settle();
  const sizes = [...(await list("t1")), ...(await list("t2"))].map(
    (report) => toBinary(CrashReportSchema, report).length,
  );
  expect(sizes[0]).toBeLessThan(256);
  expect(sizes[1]).toBeLessThan(6.5 * 1_024);
  await end();
});

test("where many are lost at once, others have their turn between their reports", async () => {
  let [ms, turns] = [0, 0];
  const counted = (clock: Clock): Clock => ({
    ...clock,
    monotonic: () => ms++,
    turn() {
      turns++;
      return clock.turn();
    },
  });
  const { ledger, store, settle, end } = await rig(lineOf, counted);
  const lost = Array.from({ length: 200 }, (_, index) => taskOf(`t${index}`, attemptOf(1, LOST)));
  ledger.commit(lost.map((task) => write(task, task.state, "for a test")));
  for (let left = 100; left > 0; left--) await settle();
  expect((await readReports(store, "t199"))[0]?.state).toBe(LOST);
  expect(turns).toBeGreaterThan(10);
  await end();
});
