import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ProbeFrom } from "../gen/berth/v1/probe_pb.ts";
import { DesiredState, Health, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { AttemptReport } from "../gen/berth/v1/worker_service_pb.ts";
import { aPendingTask, aPlacedTask, aReport, aStatus, START_MS } from "../test/builders.ts";
import { observe, vanished } from "./observe.ts";
import { type Action, deliveriesAfter, reconcileReport, reconcileSnapshot } from "./reconcile.ts";
import { isTerminal } from "./task-state.ts";
import { createTaskTable } from "./task-table.ts";

const compare = (tasks: readonly Task[], reports: readonly AttemptReport[]): Action[] => {
  const table = createTaskTable();
  for (const task of tasks) table.put(task);
  return reconcileSnapshot("w1", reports, { lookup: table.get, tasksOn: table.placedOn("w1") });
};
const push = (kind: string, taskId: string, attempt = 1) => ({ kind, taskId, attempt });

/** The first thing that is told of a task once it is durable. */
const pushFor = (task: Task) => deliveriesAfter(task, false)[0]?.push;

describe("what a worker must be told of a task", () => {
  test("that is placed and unconfirmed: start it", () => {
    expect(pushFor(aPlacedTask())).toEqual(push("start", "t1"));
  });

  test("that runs as it should: nothing", () => {
    expect(pushFor({ ...aPlacedTask(), state: TaskState.RUNNING })).toBeUndefined();
  });

  test("that should stop: stop it; once it has: forget it", () => {
    const wished = { ...aPlacedTask(), desiredState: DesiredState.STOP };
    expect(pushFor({ ...wished, state: TaskState.RUNNING })).toEqual(push("stop", "t1"));
    expect(deliveriesAfter({ ...wished, state: TaskState.STOPPED }, false)).toEqual([
      { workerId: "w1", push: push("forget", "t1") },
    ]);
  });

  test("that was stopped between two attempts: forget the ones before", () => {
    const past = aPlacedTask("t1", "w2").attempt;
    const { desiredState, state } = { desiredState: DesiredState.STOP, state: TaskState.STOPPED };
    const pending = aPendingTask("t1");
    const ended = past && { ...past, status: aStatus(TaskState.FAILED) };
    const task = { ...pending, desiredState, state, pastAttempts: ended ? [ended] : [] };
    expect(deliveriesAfter(task, false)).toEqual([{ workerId: "w2", push: push("forget", "t1") }]);
  });

  describe("that was found unhealthy", () => {
    const status = aStatus(TaskState.RUNNING, { health: Health.UNHEALTHY });
    const unhealthy = (probeFrom: ProbeFrom): Task => {
      const check = { case: "tcp" as const, value: { port: 80 } };
      const placed = aPlacedTask("t1", "w1", { livenessProbe: { check, probeFrom } });
      const state = TaskState.RUNNING;
      return placed.attempt ? { ...placed, state, attempt: { ...placed.attempt, status } } : placed;
    };

    test("by the manager: stop it, until it is being stopped", () => {
      const task = unhealthy(ProbeFrom.MANAGER);
      expect(pushFor(task)).toEqual(push("stop", "t1"));
      expect(pushFor({ ...task, state: TaskState.STOPPING })).toBeUndefined();
    });

    test("by its worker: nothing, unless the worker has forgotten it", () => {
      const task = unhealthy(ProbeFrom.WORKER);
      expect(pushFor(task)).toBeUndefined();
      const answer = (health: Health) =>
        reconcileReport("w1", aReport("t1", TaskState.RUNNING, { health }), () => task);
      expect(answer(Health.UNHEALTHY)).not.toContainEqual(push("stop", "t1"));
      expect(answer(Health.STARTING)).toContainEqual(push("stop", "t1"));
    });
  });

  test("that ended by itself: nothing, its logs may be read", () => {
    expect(pushFor({ ...aPlacedTask(), state: TaskState.FAILED })).toBeUndefined();
  });

  test("that was removed: forget every attempt, each where it ran", () => {
    const past = aPlacedTask("t1", "w2").attempt;
    const ended = past && { ...past, status: aStatus(TaskState.FAILED) };
    const task = {
      ...aPlacedTask(),
      state: TaskState.FAILED,
      pastAttempts: ended ? [{ ...ended, number: 2 }] : [],
    };
    expect(deliveriesAfter(task, true)).toEqual([
      { workerId: "w1", push: push("forget", "t1") },
      { workerId: "w2", push: push("forget", "t1", 2) },
    ]);
  });
});

describe("a snapshot", () => {
  test("lacks what is placed and unconfirmed: it is started", () => {
    expect(compare([aPlacedTask()], [])).toEqual([push("start", "t1")]);
  });

  test("lacks what was accepted and never seen running: it is started again", () => {
    const starting = { ...aPlacedTask(), state: TaskState.STARTING };
    expect(compare([starting], [])).toEqual([push("start", "t1")]);
  });

  test("lacks what ran: it has vanished", () => {
    const running = { ...aPlacedTask(), state: TaskState.RUNNING };
    expect(compare([running], [])).toEqual([push("vanish", "t1")]);
  });

  test("lacks what should stop and never began: it has vanished too", () => {
    const wished = { ...aPlacedTask(), desiredState: DesiredState.STOP };
    expect(compare([wished], [])).toEqual([push("vanish", "t1")]);
  });

  test("holds a stranger that runs: it is stopped; one that ended: it is forgotten", () => {
    expect(compare([], [aReport("t9", TaskState.RUNNING)])).toEqual([push("stop", "t9")]);
    expect(compare([], [aReport("t9", TaskState.FAILED)])).toEqual([push("forget", "t9")]);
  });

  test("holds an attempt of another worker: it is stopped", () => {
    const elsewhere = aPlacedTask("t1", "w2");
    expect(compare([elsewhere], [aReport("t1", TaskState.RUNNING)])).toEqual([push("stop", "t1")]);
  });

  test("holds the attempt before the current one: its container is kept, older ones are forgotten", () => {
    const task = aPlacedTask("t1", "w1");
    const past = [2, 1].map((number) => ({
      ...task.attempt,
      number,
      status: aStatus(TaskState.FAILED),
    }));
    const attempt = { ...task.attempt, number: 3 };
    const third = { ...task, attempt, pastAttempts: past } as Task;
    const reports = [1, 2].map((attempt) => aReport("t1", TaskState.FAILED, { attempt }));
    const pushes = compare([third], reports).filter(({ kind }) => kind !== "observe");
    expect(pushes).toEqual([push("forget", "t1", 1), push("start", "t1", 3)]);
  });
});

test("a report of an attempt that should stop is observed and answered by a stop", () => {
  const wished = { ...aPlacedTask(), state: TaskState.RUNNING, desiredState: DesiredState.STOP };
  const report = aReport("t1", TaskState.RUNNING);
  expect(reconcileReport("w1", report, () => wished)).toEqual([
    { kind: "observe", report },
    push("stop", "t1"),
  ]);
});

test("a report of an attempt that waits to be started is answered by a start", () => {
  const report = aReport("t1", TaskState.STARTING);
  const starting = { ...aPlacedTask(), state: TaskState.STARTING };
  expect(reconcileReport("w1", report, () => starting)).toContainEqual(push("start", "t1"));
});

test("a report of a stopped attempt whose forget was lost is answered by a forget", () => {
  const stopped = {
    ...aPlacedTask(),
    state: TaskState.STOPPED,
    desiredState: DesiredState.STOP,
  };
  const report = aReport("t1", TaskState.STOPPED);
  expect(reconcileReport("w1", report, () => stopped)).toContainEqual(push("forget", "t1"));
});

test("settles: once its actions have taken effect, comparing again finds nothing to do", () => {
  const anyDesired = fc.constantFrom(DesiredState.RUN, DesiredState.STOP, DesiredState.REMOVE);
  const anyState = fc.constantFrom(
    TaskState.SCHEDULED,
    TaskState.STARTING,
    TaskState.RUNNING,
    TaskState.FAILED,
  );
  const anyTask = fc.record({
    id: fc.constantFrom("t1", "t2", "t3", "t4"),
    workerId: fc.constantFrom("w1", "w2"),
    state: anyState,
    desiredState: anyDesired,
  });
  const anyReport = fc.record({
    id: fc.constantFrom("t1", "t2", "t3", "t4", "t5"),
    state: anyState,
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(anyTask, { selector: ({ id }) => id }),
      fc.uniqueArray(anyReport, { selector: ({ id }) => id }),
      (drafts, held) => {
        const tasks = new Map(
          drafts.map(({ id, workerId, ...draft }) => [
            id,
            { ...aPlacedTask(id, workerId), ...draft },
          ]),
        );
        const reports = new Map(held.map(({ id, state }) => [id, aReport(id, state)]));
        for (let round = 0; round < 4; round++)
          carryOut(compare([...tasks.values()], [...reports.values()]), tasks, reports);
        const left = compare([...tasks.values()], [...reports.values()]);
        expect(left.filter(({ kind }) => kind !== "observe")).toEqual([]);
      },
    ),
  );
});

/** What a worker and a ledger without faults make of the actions. */
function carryOut(
  actions: readonly Action[],
  tasks: Map<string, Task>,
  reports: Map<string, AttemptReport>,
): void {
  for (const action of actions) {
    const id = action.kind === "observe" ? action.report.taskId : action.taskId;
    const task = tasks.get(id);
    if (action.kind === "start") reports.set(id, aReport(id, TaskState.RUNNING));
    if (action.kind === "forget") reports.delete(id);
    if (action.kind === "stop") reports.set(id, aReport(id, TaskState.STOPPED));
    if (!task || (action.kind !== "observe" && action.kind !== "vanish")) continue;
    const seen = action.kind === "observe" ? action.report.status : undefined;
    const status = seen ?? vanished(task, 1, START_MS);
    const changes = observe(task, {
      attempt: 1,
      status: aStatus(status.state),
      now: START_MS,
      jitter: 0,
    });
    const last = changes.at(-1);
    if (last?.kind === "removed") tasks.delete(id);
    else if (last) tasks.set(id, last.task);
    if (last && isTerminal(last.task.state) && last.kind === "removed") reports.delete(id);
  }
}

test("a report of an attempt that the ledger took for ended is answered by a stop", () => {
  const failed = { ...aPlacedTask(), state: TaskState.FAILED };
  const report = aReport("t1", TaskState.RUNNING);
  expect(reconcileReport("w1", report, () => failed)).toContainEqual(push("stop", "t1"));
});
