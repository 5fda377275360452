import { expect, test } from "@jest/globals";
import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { anAttempt, aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { goodRunMs, goodRunOf } from "./good-run.ts";
import { toTimestamp } from "./time.ts";

const MINUTE_MS = 60_000;

/** An attempt that ran from one minute after the start of time to another. */
const ran = (number: number, state: TaskState, minutes: readonly [from: number, to: number]) =>
  anAttempt(number, {
    placement: { workerId: `w${number}` },
    status: aStatus(state, {
      startTime: toTimestamp(START_MS + minutes[0] * MINUTE_MS),
      ...(state >= TaskState.COMPLETED && {
        finishTime: toTimestamp(START_MS + minutes[1] * MINUTE_MS),
      }),
      imageId: `sha256:${number}`,
      engine: "docker 1",
    }),
  });

const taskOf = (
  current: ReturnType<typeof ran>,
  ...pastAttempts: ReturnType<typeof ran>[]
): Task => ({
  ...aPlacedTask(),
  attempt: current,
  state: current.status?.state ?? TaskState.SCHEDULED,
  pastAttempts,
});

const NOW = START_MS + 60 * MINUTE_MS;
const { COMPLETED, FAILED, RUNNING } = TaskState;

test("is the latest attempt that completed, or ran for a minute", () => {
  const task = taskOf(
    ran(4, FAILED, [9, 9.5]),
    ran(3, FAILED, [6, 7]),
    ran(2, COMPLETED, [5, 5.1]),
    ran(1, FAILED, [0, 4]),
  );
  expect(goodRunOf(task, NOW)).toMatchObject({
    ...{ taskId: "t1", attempt: 3, workerId: "w3", imageId: "sha256:3", engine: "docker 1" },
    finishTime: toTimestamp(START_MS + 7 * MINUTE_MS),
  });
  expect(goodRunOf(task, NOW, 2)?.attempt).toBe(2);
});

test("may be one that runs on, once it has run for a minute", () => {
  const task = taskOf(ran(1, RUNNING, [10, 0]));
  const run = goodRunOf(task, NOW);
  expect(run?.finishTime).toBeUndefined();
  expect(run && goodRunMs(run, NOW)).toBe(NOW);
  expect(goodRunOf(task, START_MS + 10.9 * MINUTE_MS)).toBeUndefined();
});

test("is none where all failed early", () => {
  expect(goodRunOf(taskOf(ran(1, FAILED, [0, 0.9])), NOW)).toBeUndefined();
  expect(goodRunOf(aPlacedTask(), NOW)).toBeUndefined();
});
