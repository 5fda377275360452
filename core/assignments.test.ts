import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import { ProbeFrom } from "../gen/berth/v1/probe_pb.ts";
import {
  DesiredState,
  Health,
  RestartMode,
  type Task,
  TaskSchema,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { aPendingTask, aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { ordersOf } from "./assignments.ts";
import { attemptTraceparent } from "./attempt-trace.ts";
import { toTimestamp } from "./time.ts";

const { SCHEDULED, STARTING, RUNNING, STOPPING, COMPLETED, LOST } = TaskState;
const { NO, ALWAYS, ON_FAILURE } = RestartMode;

const at = (state: TaskState, mode = NO, changes: Partial<Task> = {}): Task => {
  const task = aPlacedTask("t1", "w1", {
    restartPolicy: { mode },
    stopGrace: durationFromMs(3_000),
  });
  const attempt = { ...task.attempt, number: 1, status: aStatus(state) } as Task["attempt"];
  return { ...task, state, ...(attempt && { attempt }), ...changes };
};

const told = (task: Task) =>
  ordersOf(task).map(({ workerId, attempt, order }) => `${order.kind} ${attempt}@${workerId}`);

test("a task without a place, and one that has ended, are no worker's business", () => {
  expect(told(aPendingTask())).toEqual([]);
  expect(told(at(COMPLETED))).toEqual([]);
  expect(told(at(COMPLETED, ALWAYS, { desiredState: DesiredState.STOP }))).toEqual([]);
});

test("what has not run yet is started whatever its policy; what ran only by its policy", () => {
  for (const state of [SCHEDULED, STARTING]) expect(told(at(state))).toEqual(["start 1@w1"]);
  expect(told(at(RUNNING, NO))).toEqual([]);
  for (const mode of [ON_FAILURE, ALWAYS]) expect(told(at(RUNNING, mode))).toEqual(["start 1@w1"]);
});

test("a start says what to run, and how many restarts are left", () => {
  const restartPolicy = { mode: ALWAYS, restartsMax: 3 };
  const task = { ...aPlacedTask("t1", "w1", { restartPolicy }), restartCount: 1 };
  expect(ordersOf(task)).toMatchObject([
    { taskId: "t1", order: { spec: { image: "busybox:1" }, restartsLeft: 2 } },
  ]);
  expect(ordersOf({ ...task, restartCount: 4 })).toMatchObject([{ order: { restartsLeft: 0 } }]);
  expect(ordersOf(at(SCHEDULED, ALWAYS))).toMatchObject([{ order: { restartsLeft: undefined } }]);
  const within = aPlacedTask("t1", "w1", {
    restartPolicy: { ...restartPolicy, window: durationFromMs(60_000) },
  });
  const restartTimes = [toTimestamp(START_MS), toTimestamp(START_MS)];
  expect(ordersOf({ ...within, restartCount: 9, restartTimes })).toMatchObject([
    { order: { restartsLeft: 1 } },
  ]);
});

test("what nobody wants is stopped until it has ended, with the grace that was asked for", () => {
  const stopped = { desiredState: DesiredState.STOP };
  for (const state of [SCHEDULED, RUNNING, STOPPING])
    expect(told(at(state, ALWAYS, stopped))).toEqual(["stop 1@w1"]);
  const grace = ({ order }: { order: object }) => ("grace" in order ? order.grace : undefined);
  expect(ordersOf(at(RUNNING, ALWAYS, stopped)).map(grace)).toMatchObject([{ seconds: 3n }]);
  const stopGrace = durationFromMs(1_000);
  expect(ordersOf(at(RUNNING, ALWAYS, { ...stopped, stopGrace })).map(grace)).toMatchObject([
    { seconds: 1n },
  ]);
});

test("an attempt that was given up is to stop, though its task runs elsewhere", () => {
  const lost = at(LOST).attempt;
  const placed = aPlacedTask("t1", "w2");
  const moved = create(TaskSchema, {
    ...placed,
    attempt: { ...placed.attempt, number: 2 },
    pastAttempts: lost ? [lost] : [],
  } as never);
  expect(told(moved)).toEqual(["start 2@w2", "stop 1@w1"]);
});

test("a successor is left alone that is not wanted any more, and never started anew", () => {
  const current = at(RUNNING, ALWAYS);
  const successor = { ...aPlacedTask("t1", "w2").attempt, number: 2 } as Task["attempt"];
  const both = { ...current, ...(successor && { successor }) };
  expect(told(both)).toEqual(["start 1@w1", "start 2@w2"]);
  const runs = successor && { ...successor, status: aStatus(RUNNING) };
  expect(told({ ...both, ...(runs && { successor: runs }) })).toEqual(["start 1@w1"]);
  expect(told({ ...both, desiredState: DesiredState.STOP })).toEqual(["stop 1@w1"]);
});

test("an attempt that its manager found unhealthy is left to a manager", () => {
  const task = at(RUNNING, ALWAYS);
  const { attempt } = task;
  const spec = aPlacedTask("t1", "w1", {
    restartPolicy: { mode: RestartMode.ALWAYS },
    livenessProbe: {
      check: { case: "tcp", value: { port: 80 } },
      probeFrom: ProbeFrom.MANAGER,
    },
  }).spec;
  const ill = attempt && { ...attempt, status: aStatus(RUNNING, { health: Health.UNHEALTHY }) };
  expect(told({ ...task, ...(spec && { spec }), ...(ill && { attempt: ill }) })).toEqual([]);
});

test("a start of a task that is traced names the span that a manager's push names", () => {
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const [first] = ordersOf(at(SCHEDULED, NO, { traceparent }));
  const expected = attemptTraceparent({ id: "t1", traceparent }, 1);
  expect(first?.order).toMatchObject({ kind: "start", traceparent: expected });
});
