import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { UsageSampleSchema } from "../gen/berth/v1/crash_report_pb.ts";
import { FailureReason, FailureSchema, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aStatus, START_MS } from "../test/builders.ts";
import { causeOf } from "./crash-cause.ts";
import { toTimestamp } from "./time.ts";

const MIB = 2 ** 20;

const none = { workerId: "w1", memoryLimitBytes: 0, lastUsage: undefined };

type Words = Readonly<{ message?: string; signal?: number; exitCode?: number }>;

const failed = (reason: FailureReason, { exitCode, ...words }: Words = {}) =>
  aStatus(TaskState.FAILED, {
    failure: create(FailureSchema, { reason, ...words }),
    finishTime: toTimestamp(START_MS),
    ...(exitCode !== undefined && { exitCode }),
  });

test("an exit code is told, with what shells mean by it", () => {
  const exited = (exitCode: number) => causeOf(failed(FailureReason.EXITED, { exitCode }), none);
  expect(exited(3)).toBe("ended by itself with exit code 3");
  expect(exited(126)).toContain("for a command that cannot be run");
  expect(exited(127)).toContain("for a command that is not there");
});

test("a signal is told by name, where it has one", () => {
  const ended = (signal: number) => causeOf(failed(FailureReason.EXITED, { signal }), none);
  expect(ended(11)).toBe("was ended by signal 11 (SIGSEGV)");
  expect(ended(40)).toBe("was ended by signal 40");
});

test("a kill that was not for the task's own limit says who else kills", () => {
  const status = failed(FailureReason.EXITED, { signal: 9, exitCode: 137 });
  const limited = { ...none, memoryLimitBytes: 64 * MIB };
  expect(causeOf(status, none)).toBe(
    "was killed (signal 9, SIGKILL), by somebody, or by the kernel because the machine had no memory left",
  );
  expect(causeOf(status, limited)).toContain("not for its own memory limit: by somebody");
});

test("want of memory is told with the limit and with what was last seen", () => {
  const status = failed(FailureReason.OOM_KILLED, { signal: 9 });
  const memory = (ms: number) => ({
    ...none,
    memoryLimitBytes: 64 * MIB,
    lastUsage: create(UsageSampleSchema, {
      time: toTimestamp(START_MS - ms),
      memoryBytes: BigInt(40 * MIB),
    }),
  });
  expect(causeOf(status, none)).toBe("was killed by the kernel for want of memory");
  expect(causeOf(status, memory(740))).toBe(
    "was killed by the kernel for want of memory at its limit of 64 MiB; it had 40 MiB 0.7 s before",
  );
});

test("a probe, a lost worker and all else are told in the words of who saw it", () => {
  const unhealthy = failed(FailureReason.UNHEALTHY, { message: "liveness probe: status 503" });
  expect(causeOf(unhealthy, none)).toBe(
    "was ended because a probe failed for good: liveness probe: status 503",
  );
  const missing = failed(FailureReason.IMAGE_NOT_FOUND, { message: "no such image: web:9" });
  expect(causeOf(missing, none)).toBe("failed: image not found: no such image: web:9");
  const lost = {
    ...failed(FailureReason.WORKER_LOST, { message: "silent" }),
    state: TaskState.LOST,
  };
  expect(causeOf(lost, none)).toBe("was lost with its worker w1, before that could tell: silent");
});
