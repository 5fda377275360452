import { expect, test } from "@jest/globals";
import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { observe } from "./observe.ts";
import { afterVersion, cutVersion, versionOf } from "./task-version.ts";

const placed = aPlacedTask("t1", "w1", { env: { SECRET: "hush" } });

function running(): Task {
  const observed = { attempt: 1, status: aStatus(TaskState.RUNNING), now: START_MS, jitter: 0 };
  const [change] = observe(placed, observed);
  return change?.task ?? placed;
}

test("a version says nothing that the version before says, and with it all", () => {
  const version = versionOf(running(), placed);
  expect(version.samePlacement).toBe(true);
  expect(version.task?.spec).toBeUndefined();
  expect(version.task?.attempt?.placement).toBeUndefined();
  expect(afterVersion(placed, version, placed)).toEqual(running());
});

test("a version that was cut off needs none before it", () => {
  const version = cutVersion(running(), 7n);
  expect(version.firstRevision).toBe(7n);
  expect(afterVersion(undefined, version, placed)).toEqual(running());
});

test("an attempt on another worker is not told by the placement of the one before", () => {
  const moved = aPlacedTask("t1", "w2");
  expect(versionOf(moved, placed).samePlacement).toBe(false);
  expect(afterVersion(placed, versionOf(moved, placed), moved)).toEqual(moved);
});
