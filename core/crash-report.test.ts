import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import {
  CrashEvidenceSchema,
  type GoodRun,
  GoodRunSchema,
} from "../gen/berth/v1/crash_report_pb.ts";
import { LimitsSchema } from "../gen/berth/v1/resources_pb.ts";
import { FailureReason, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { anAttempt, aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { CHANGES_MAX, type Comparison, crashesOf, crashReport } from "./crash-report.ts";
import { findAttempt } from "./live-attempts.ts";
import { toTimestamp } from "./time.ts";

const failedStatus = aStatus(TaskState.FAILED, {
  failure: { reason: FailureReason.EXITED, message: "exit code 3" },
  exitCode: 3,
  startTime: toTimestamp(START_MS),
  finishTime: toTimestamp(START_MS + 5_000),
  imageId: "sha256:new",
  engine: "docker 2",
});

/** A task whose second attempt has failed on w2. */
const failedTask = (init: Parameters<typeof aPlacedTask>[2] = {}): Task => ({
  ...aPlacedTask("t1", "w2", {
    ...{ name: "web", ...init },
    limit: create(LimitsSchema, { memoryBytes: 64n }),
  }),
  state: TaskState.FAILED,
  attempt: anAttempt(2, {
    placement: { workerId: "w2", assigned: { gpu: { ids: ["b"] } } },
    status: failedStatus,
  }),
});

const goodRun = (changes: Partial<GoodRun> = {}): GoodRun => ({
  ...create(GoodRunSchema, { taskId: "t0", attempt: 1, workerId: "w1" }),
  ...{ imageId: "sha256:old", engine: "docker 1" },
  ...changes,
});

function reportOf(task: Task, comparison: Comparison) {
  const known = findAttempt(task, 2);
  if (!known) throw new Error("the task has a second attempt");
  const testimony = { kind: "none", note: "nobody was asked" } as const;
  return crashReport(task, known, { testimony, comparison });
}

test("has what the attempt's status tells", () => {
  const report = reportOf(failedTask(), { kind: "none" });
  expect(report).toMatchObject({
    ...{ taskId: "t1", attempt: 2, workerId: "w2", state: TaskState.FAILED },
    ...{ cause: "ended by itself with exit code 3", exitCode: 3, memoryLimitBytes: 64n },
    ...{ evidenceNote: "nobody was asked", changes: [] },
    finishTime: toTimestamp(START_MS + 5_000),
  });
  expect([report.evidence, report.goodRun]).toEqual([undefined, undefined]);
});

test("has the evidence that its worker gave", () => {
  const [known] = crashesOf(failedTask());
  if (!known) throw new Error("the task has crashed");
  const evidence = create(CrashEvidenceSchema, { linesNote: "it wrote nothing" });
  const testimony = { kind: "evidence", evidence } as const;
  const report = crashReport(failedTask(), known, { testimony, comparison: { kind: "none" } });
  expect([report.evidence, report.evidenceNote]).toEqual([evidence, ""]);
});

describe("what has changed", () => {
  const told = (comparison: Comparison, task = failedTask()) =>
    reportOf(task, comparison).changes.map(
      ({ path, before, after }) => `${path}: ${before} > ${after}`,
    );
  const better: Task = { ...aPlacedTask("t0", "w1", { name: "web", image: "busybox:0" }) };

  test("is where it ran, what of, what it was given, and what was asked for", () => {
    expect(told({ kind: "run", goodRun: goodRun(), task: better })).toEqual([
      "worker: w1 > w2",
      "engine: docker 1 > docker 2",
      "image_id: sha256:old > sha256:new",
      "assigned.gpu:  > b",
      "spec.image: busybox:0 > busybox:1",
      "spec.limit.memory_bytes:  > 64",
      "spec.reservation.memory_bytes:  > 64",
    ]);
  });

  test("is not what nobody has told", () => {
    const run = goodRun({ imageId: "", engine: "", workerId: "w2" });
    const attempt = anAttempt(1, { placement: { assigned: { gpu: { ids: ["b"] } } } });
    const alike: Task = { ...failedTask(), id: "t0", attempt };
    expect(told({ kind: "run", goodRun: run, task: alike })).toEqual([]);
  });

  test("is nothing where the attempt itself ran well for a while", () => {
    const itself = goodRun({ taskId: "t1", attempt: 2 });
    const report = reportOf(failedTask(), { kind: "run", goodRun: itself, task: better });
    expect([report.changes, report.goodRun]).toEqual([[], itself]);
  });

  test("goes on from an earlier report where the task no longer remembers the good run", () => {
    const earlier = reportOf(failedTask(), { kind: "run", goodRun: goodRun(), task: better });
    expect(told({ kind: "report", report: earlier })).toEqual([
      "worker: w1 > w2",
      "engine: docker 1 > docker 2",
      "image_id: sha256:old > sha256:new",
      "spec.image: busybox:0 > busybox:1",
      "spec.limit.memory_bytes:  > 64",
      "spec.reservation.memory_bytes:  > 64",
    ]);
  });

  test("is cut where it is more than anybody reads", () => {
    const labels = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`l${i}`, "x"]));
    const report = reportOf(failedTask({ labels }), {
      kind: "run",
      goodRun: goodRun(),
      task: better,
    });
    expect(report.changes).toHaveLength(CHANGES_MAX);
    expect(report.changesLeftOut).toBe(47 - CHANGES_MAX);
  });
});
