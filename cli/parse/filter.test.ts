import { expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseFilters } from "./filter.ts";

test("narrow together", () => {
  const texts = ["state=running", "state=Failed", "worker=w1", "label=app=web", "name=api"];
  expect(valueIn(parseFilters(texts))).toEqual({
    states: [TaskState.RUNNING, TaskState.FAILED],
    workerId: "w1",
    name: "api",
    labels: { app: "web" },
  });
});

test.each([
  [["running"], "must be state=STATE"],
  [["state=up"], "must be state= and one of pending, scheduled"],
  [["label=app"], "must be label=KEY=VALUE"],
  [["worker=a", "worker=b"], "a task has one worker"],
  [["name=a", "name=b"], "a task has one name"],
])("refuse %j", (texts, rule) => expect(problemIn(parseFilters(texts))).toContain(rule));
