import { expect, test } from "@jest/globals";
import { DifferenceKind } from "../gen/berth/v1/past_pb.ts";
import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { type Worker, WorkerAvailability, WorkerState } from "../gen/berth/v1/worker_pb.ts";
import { aPendingTask, aPlacedTask, aPresence } from "../test/builders.ts";
import { taskDifference, workerDifference } from "./differences.ts";
import { DEFAULT_RECORD } from "./worker-settings.ts";

const { CAME, WENT, STATE, MOVED, RESTARTED, OTHER } = DifferenceKind;

const from: Task = { ...aPlacedTask("t1", "w1", { name: "web" }), revision: 3n };
const later = (changes: Partial<Task>): Task => ({ ...from, revision: 9n, ...changes });

test.each<readonly [string, Task | undefined, Task | undefined, readonly DifferenceKind[]]>([
  ["came", undefined, from, [CAME]],
  ["went", from, undefined, [WENT]],
  ["runs now", from, later({ state: TaskState.RUNNING }), [STATE]],
  [
    "runs elsewhere after a restart",
    from,
    { ...aPlacedTask("t1", "w2"), revision: 9n, state: TaskState.RUNNING, restartCount: 1 },
    [STATE, MOVED, RESTARTED],
  ],
  ["is placed for the first time", { ...aPendingTask("t1"), revision: 3n }, later({}), [STATE]],
  ["waits for a place again", from, later({ state: TaskState.PENDING }), [STATE]],
  ["waits for something else", from, later({ waitingReason: "an image" }), [OTHER]],
])("tells of a task that %s", (_, before, after, kinds) => {
  expect(taskDifference({ from: before, to: after })?.kinds).toEqual(kinds);
});

test("a task without a change between is no difference", () => {
  expect(taskDifference({ from, to: { ...from } })).toBeUndefined();
  expect(taskDifference({ from: undefined, to: undefined })).toBeUndefined();
});

const aWorker = (state: WorkerState, sessionId = "s1"): Worker =>
  ({
    id: "w1",
    presence: aPresence("w1", { state, sessionId }),
    settings: DEFAULT_RECORD.settings,
  }) as Worker;

const paused = { ...DEFAULT_RECORD.settings, availability: WorkerAvailability.PAUSED };
const labelled = { ...DEFAULT_RECORD.settings, labels: { zone: "a" } };
const up = aWorker(WorkerState.UP);

test.each<readonly [string, Worker | undefined, Worker | undefined, readonly DifferenceKind[]]>([
  ["came", undefined, up, [CAME]],
  ["went down", up, aWorker(WorkerState.DOWN), [STATE]],
  ["began another session", up, aWorker(WorkerState.UP, "s2"), [RESTARTED]],
  ["was paused", up, { ...up, settings: paused }, [STATE]],
  ["was labelled", up, { ...up, settings: labelled }, [OTHER]],
])("tells of a worker that %s", (_, before, after, kinds) => {
  expect(workerDifference({ from: before, to: after })?.kinds).toEqual(kinds);
});

test("a worker that went and is back as it was is told of by its session alone", () => {
  expect(workerDifference({ from: up, to: aWorker(WorkerState.UP) })).toBeUndefined();
});
