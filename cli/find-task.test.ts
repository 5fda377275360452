import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { isTerminal } from "../core/task-state.ts";
import { TaskSchema, TaskState } from "../gen/berth/v1/task_pb.ts";
import { candidates } from "./find-task.ts";

const task = (id: string, name: string, state: TaskState) =>
  create(TaskSchema, { id, spec: { name }, state });

const tasks = [
  task("abc1", "web", TaskState.FAILED),
  task("abc2", "web", TaskState.RUNNING),
  task("abd3", "job", TaskState.COMPLETED),
  task("web9", "other", TaskState.RUNNING),
];

const found = (reference: string) => candidates(tasks, reference).map(({ id }) => id);

test("of tasks with one name the one that has not ended is meant", () => {
  expect(found("web")).toEqual(["abc2"]);
});

test("a name of ended tasks means all of them", () => {
  expect(found("job")).toEqual(["abd3"]);
});

test("the beginning of an ID counts only when nothing has that name", () => {
  expect(found("abd")).toEqual(["abd3"]);
  expect(found("ab")).toEqual(["abc1", "abc2", "abd3"]);
});

test("nothing means no task", () => {
  expect(found("")).toEqual([]);
  expect(found("zzz")).toEqual([]);
});

test("a task that has not ended is never hidden by one of its name that has", () => {
  const states = [TaskState.PENDING, TaskState.RUNNING, TaskState.STOPPED, TaskState.LOST];
  const anyTask = fc
    .tuple(fc.stringMatching(/^[ab]{1,3}$/), fc.constantFrom("x", "y"), fc.constantFrom(...states))
    .map(([id, name, state]) => task(id, name, state));
  fc.assert(
    fc.property(fc.array(anyTask), (all) => {
      const chosen = candidates(all, "x");
      const alive = all.filter(({ spec, state }) => spec?.name === "x" && !isTerminal(state));
      for (const each of alive) expect(chosen).toContain(each);
    }),
  );
});
