import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { TaskState } from "../gen/berth/v1/task_pb.ts";
import { canMove, isLater, isPlaced, isTerminal, stateName } from "./task-state.ts";

const states = Object.values(TaskState).filter(
  (state): state is TaskState => typeof state === "number" && state !== TaskState.UNSPECIFIED,
);
const anyState = fc.constantFrom(...states);

test("a move never goes back", () => {
  fc.assert(fc.property(anyState, anyState, (from, to) => !canMove(from, to) || to > from));
});

test("nothing moves out of a terminal state", () => {
  for (const from of states.filter(isTerminal))
    for (const to of states) expect(canMove(from, to)).toBe(false);
});

test("every state but the terminal ones can still be left", () => {
  for (const from of states.filter((state) => !isTerminal(state)))
    expect(states.some((to) => canMove(from, to))).toBe(true);
});

test("a container that was asked to stop is never read as completed", () => {
  expect(canMove(TaskState.STOPPING, TaskState.COMPLETED)).toBe(false);
});

test("of two moments the greater attempt, then the greater state is later", () => {
  const running = { attempt: 1, state: TaskState.RUNNING };
  expect(isLater({ attempt: 2, state: TaskState.PENDING }, running)).toBe(true);
  expect(isLater({ attempt: 1, state: TaskState.FAILED }, running)).toBe(true);
  expect(isLater(running, running)).toBe(false);
  expect(isLater({ attempt: 1, state: TaskState.STARTING }, running)).toBe(false);
});

test("an attempt occupies its worker from the decision to its end", () => {
  expect(states.filter(isPlaced)).toEqual([
    TaskState.SCHEDULED,
    TaskState.STARTING,
    TaskState.RUNNING,
    TaskState.STOPPING,
  ]);
});

test("states have names for people", () => {
  expect(stateName(TaskState.RUNNING)).toBe("running");
});
