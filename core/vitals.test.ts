import { describe, expect, test } from "@jest/globals";
import { FailureReason, Health, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aStatus } from "../test/builders.ts";
import { asJudged, combined, isVitalNews, UNPROBED, type Vitals } from "./vitals.ts";

const vitals = (changes: Partial<Vitals>): Vitals => ({ ...UNPROBED, ...changes });

describe("two askers together", () => {
  test("say the graver word, and ready only when both do", () => {
    const healthy = vitals({ health: Health.HEALTHY });
    const starting = vitals({ health: Health.STARTING, ready: false });
    const unhealthy = vitals({ health: Health.UNHEALTHY, ready: false, probeMessage: "no" });
    expect(combined(healthy, UNPROBED)).toEqual(healthy);
    expect(combined(healthy, starting)).toEqual(starting);
    expect(combined(unhealthy, starting)).toEqual(unhealthy);
    expect(combined(starting, unhealthy)).toEqual(unhealthy);
  });
});

describe("news", () => {
  test("is another health, readiness, or the coming and going of a message", () => {
    expect(isVitalNews(UNPROBED, vitals({ health: Health.HEALTHY }))).toBe(true);
    expect(isVitalNews(UNPROBED, vitals({ ready: false }))).toBe(true);
    expect(isVitalNews(UNPROBED, vitals({ probeMessage: "a" }))).toBe(true);
    expect(isVitalNews(vitals({ probeMessage: "a" }), vitals({ probeMessage: "b" }))).toBe(false);
  });
});

describe("the end of what was unhealthy", () => {
  const known = aStatus(TaskState.STOPPING, { health: Health.UNHEALTHY, probeMessage: "HTTP 500" });
  const exited = { failure: { reason: FailureReason.EXITED, message: "exit code 143" } };
  const oom = { failure: { reason: FailureReason.OOM_KILLED, message: "out of memory" } };

  test.each([
    ["a stop", aStatus(TaskState.STOPPED, { exitCode: 143 })],
    ["an exit with 0", aStatus(TaskState.COMPLETED, { exitCode: 0 })],
    ["an exit by the signal", aStatus(TaskState.FAILED, { exitCode: 143, ...exited })],
  ])("is a failure by its probe, though it looks like %s", (_, status) => {
    expect(asJudged(known, status)).toMatchObject({
      state: TaskState.FAILED,
      failure: { reason: FailureReason.UNHEALTHY, message: "HTTP 500" },
      exitCode: status.exitCode,
      health: Health.UNHEALTHY,
      ready: false,
    });
  });

  test("keeps a reason of its own", () => {
    const status = aStatus(TaskState.FAILED, oom);
    expect(asJudged(known, status).failure?.reason).toBe(FailureReason.OOM_KILLED);
  });

  test("does not come undone: a restarted worker that knows of nothing changes nothing", () => {
    const status = aStatus(TaskState.RUNNING, { health: Health.HEALTHY, ready: true });
    expect(asJudged(known, status)).toMatchObject({
      state: TaskState.RUNNING,
      health: Health.UNHEALTHY,
      ready: false,
    });
  });

  test("of an attempt that was not unhealthy is as reported", () => {
    const status = aStatus(TaskState.STOPPED);
    expect(asJudged(aStatus(TaskState.RUNNING, { health: Health.HEALTHY }), status)).toBe(status);
    expect(asJudged(undefined, status)).toBe(status);
  });
});
