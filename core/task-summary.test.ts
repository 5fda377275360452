import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { PlacementSchema } from "../gen/berth/v1/placement_pb.ts";
import { FailureReason, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import { anAttempt, aPendingTask, aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { explanationOf } from "./placement/decision.ts";
import { demandOf } from "./placement/demand.ts";
import { countExclusions } from "./placement/explain.ts";
import { createPlacer } from "./placement/place.ts";
import { worker } from "./placement/samples.ts";
import { spread } from "./placement/spread.ts";
import { NO_WISHES } from "./placement/wishes.ts";
import { summarize } from "./task-summary.ts";
import { toTimestamp } from "./time.ts";

const ready = worker("w1");
const down = worker("w2", { ready: false });

/** The summary of a task in a fleet of these workers. */
function summaryOf(task: Task, workers = [ready, down], avoid: readonly string[] = []): string {
  const wishes = { ...NO_WISHES, avoid: new Set(avoid) };
  const placer = createPlacer(workers);
  assert(task.spec, "a sample task has a spec");
  const demand = demandOf(task.spec);
  const appraisals = placer.explain(demand, spread, { wishes, booked: [] });
  const explanation = explanationOf(countExclusions(appraisals, { scheduler: spread, demand }));
  return summarize(task, { appraisals, explanation, now: START_MS });
}

const huge = { reservation: { memoryBytes: 2n ** 40n } };

describe("a pending task", () => {
  test("waits for what no worker has", () => {
    expect(summaryOf(aPendingTask("t1", huge))).toBe(
      "waits: 1 worker not ready; too little memory on 1 worker",
    );
    expect(summaryOf(aPendingTask(), [])).toBe("waits: no workers have joined");
  });

  test("is about to be placed where a worker can take it", () => {
    expect(summaryOf(aPendingTask())).toBe("is about to be placed: worker w1 can take it");
    const workers = [ready, worker("w3")];
    expect(summaryOf(aPendingTask(), workers, ["w1"])).toContain("worker w3 can take it");
  });

  test("waits for the end of its backoff, whether a worker could take it or not", () => {
    const backingOff = (spec: object = {}): Task => ({
      ...aPendingTask("t1", spec),
      attempt: anAttempt(3),
      retryTime: toTimestamp(START_MS + 1_500),
      waitingReason: "restarts after attempt 2 (exited)",
    });
    expect(summaryOf(backingOff())).toBe(
      "waits 2 s for attempt 3: restarts after attempt 2 (exited)",
    );
    expect(summaryOf(backingOff(huge))).toBe(
      "waits 2 s for attempt 3, and no worker can take it now: 1 worker not ready; too little memory on 1 worker",
    );
  });
});

describe("a placed task", () => {
  const placement = create(PlacementSchema, {
    workerId: "w1",
    scheduler: "spread",
    score: 0.98765,
  });
  const running: Task = {
    ...aPlacedTask(),
    state: TaskState.RUNNING,
    waitingReason: "",
    attempt: anAttempt(1, { placement, status: aStatus(TaskState.RUNNING) }),
  };

  test("is where a scheduler put it", () => {
    expect(summaryOf(running)).toBe(
      "runs on w1, chosen by spread as the only worker that could take it",
    );
  });

  test("says what it waits for on its worker", () => {
    expect(summaryOf(aPlacedTask())).toBe("is scheduled on w1: waits for worker w1 to accept it");
  });

  test("says where it moves, and which probe fails", () => {
    const successor = anAttempt(2, { placement: create(PlacementSchema, { workerId: "w2" }) });
    const status = aStatus(TaskState.RUNNING, { probeMessage: "GET / answers 500" });
    const attempt = anAttempt(1, { placement, status });
    expect(summaryOf({ ...running, successor, attempt })).toBe(
      "runs on w1, chosen by spread as the only worker that could take it; a probe of it fails: GET / answers 500; " +
        "it moves to w2 as soon as attempt 2 serves there",
    );
  });
});

test("an ended task says how it ended and what follows", () => {
  const failure = { reason: FailureReason.OOM_KILLED, message: "over 64 MiB" };
  const placement = create(PlacementSchema, { workerId: "w1" });
  const status = aStatus(TaskState.FAILED, { exitCode: 137, failure });
  const attempt = anAttempt(1, { placement, status });
  expect(summaryOf({ ...aPlacedTask(), state: TaskState.FAILED, attempt })).toBe(
    "failed on w1 (exit code 137), oom killed: over 64 MiB; " +
      "no other attempt follows: its restart policy is no",
  );
});
