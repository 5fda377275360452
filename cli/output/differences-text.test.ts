import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { DifferenceKind, ListDifferencesResponseSchema } from "../../gen/berth/v1/past_pb.ts";
import { DesiredState, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerAvailability, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { createFakeTerminal } from "../testing/fake-terminal.ts";
import { colorsFor } from "./colors.ts";
import { differencesText } from "./differences-text.ts";

const printing = {
  colors: colorsFor(createFakeTerminal({ env: {} })),
  headers: true,
  width: undefined,
};

const { RUN, STOP } = DesiredState;
const { CAME, WENT, STATE, MOVED, RESTARTED } = DifferenceKind;

test("sums up what was different, then lists it", () => {
  const on = (workerId: string, state: TaskState, attempt = 1, restartCount = 0) => ({
    ...{ workerId, state, attempt, restartCount, desiredState: RUN },
  });
  const found = create(ListDifferencesResponseSchema, {
    tasks: [
      { taskId: "t1", taskName: "web", kinds: [CAME], to: on("w1", TaskState.RUNNING) },
      {
        ...{ taskId: "t2", taskName: "db", kinds: [MOVED, RESTARTED] },
        from: on("w1", TaskState.RUNNING),
        to: { ...on("w2", TaskState.RUNNING, 4, 3), desiredState: STOP },
      },
      { taskId: "t3", taskName: "job", kinds: [CAME, WENT] },
    ],
    workers: [
      {
        ...{ workerId: "w1", kinds: [STATE] },
        from: { state: WorkerState.UP, availability: WorkerAvailability.ACTIVE },
        to: { state: WorkerState.DOWN, availability: WorkerAvailability.PAUSED },
      },
    ],
  });
  expect(differencesText(found, printing)).toBe(`tasks: 2 came, 1 went, 1 moved, 1 restarted
workers: 1 changed state

TASK   NAME   WHAT                       FROM            TO
t1     web    came                       -               running on w1
t2     db     moved, restarted 3 times   running on w1   running on w2, attempt 4, to end
t3     job    came, went                 -               -

WORKER   WHAT            FROM   TO
w1       changed state   up     down, paused
`);
});

test("says so where nothing was different", () => {
  const none = create(ListDifferencesResponseSchema, {});
  expect(differencesText(none, printing)).toBe("tasks: no difference\nworkers: no difference\n");
});
