import { expect, test } from "@jest/globals";
import { RestartMode } from "../../gen/berth/v1/task_pb.ts";
import { problemIn, valueIn } from "../testing/parsing.ts";
import { parseRestart } from "./restart.ts";

test.each([
  ["no", { mode: RestartMode.NO }],
  ["on-failure", { mode: RestartMode.ON_FAILURE }],
  ["on-failure:3", { mode: RestartMode.ON_FAILURE, restartsMax: 3 }],
  ["unless-stopped", { mode: RestartMode.UNLESS_STOPPED }],
])("reads %s", (text, policy) => expect(valueIn(parseRestart(text))).toEqual(policy));

test.each(["", "never", "always:3", "on-failure:", "on-failure:-1", "on-failure:1:2"])(
  "refuses %j",
  (text) => expect(problemIn(parseRestart(text))).toContain("must be no, on-failure"),
);
