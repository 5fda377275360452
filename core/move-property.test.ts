import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { PlacementSchema } from "../gen/berth/v1/placement_pb.ts";
import {
  DesiredState,
  RestartMode,
  type Task,
  TaskSchema,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { aPendingTask, aReport, aStatus, START_MS } from "../test/builders.ts";
import { attemptsOf, isWanted, liveOn } from "./live-attempts.ts";
import { beginMove, handOver, leave, whyNotMovable, withdraw } from "./move.ts";
import { observe, vanished } from "./observe.ts";
import {
  type Action,
  deliveriesAfter,
  type Push,
  reconcileReport,
  reconcileSnapshot,
} from "./reconcile.ts";
import { requestRemoval, requestStop, schedule, type TaskChange, workerOf } from "./task-change.ts";
import { isLater, isTerminal } from "./task-state.ts";

const { STARTING, RUNNING, STOPPING, STOPPED, FAILED, COMPLETED, LOST, PENDING } = TaskState;
const WORKERS = ["w1", "w2", "w3"] as const;
const now = START_MS + 1_000;

/** A manager's ledger with one task, three workers, and pushes and reports between them. */
function createMachine(mode: RestartMode) {
  let task: Task | undefined = aPendingTask("t1", { restartPolicy: { mode } });
  /** What each worker holds: attempt → state. */
  const held = new Map(WORKERS.map((id) => [id as string, new Map<number, TaskState>()]));
  let highest = 1;

  function commit(changes: readonly TaskChange[]): void {
    for (const change of changes) {
      const before = task;
      task = change.kind === "removed" ? undefined : change.task;
      check(before, change);
      for (const { workerId, push } of deliveriesAfter(change.task, change.kind === "removed"))
        carryOut(workerId, push);
    }
  }

  function check(before: Task | undefined, { task: after }: TaskChange): void {
    const attempts = attemptsOf(after);
    const numbers = attempts.map(({ number }) => number);
    expect(new Set(numbers).size).toBe(numbers.length);
    const wanted = attempts.filter((known) => isWanted(after, known));
    expect(wanted.length).toBeLessThanOrEqual(after.successor ? 2 : 1);
    if (before) {
      const [from, to] = [momentOf(before), momentOf(after)];
      expect(to.attempt === from.attempt ? to.state >= from.state : isLater(to, from)).toBe(true);
    }
    const most = Math.max(...numbers);
    const isNew = !before || !attemptsOf(before).some(({ number }) => number === most);
    if (isNew && most !== 1) expect(most).toBeGreaterThan(highest);
    highest = Math.max(highest, most);
    expect(after.pastAttempts.length).toBeLessThanOrEqual(5);
  }

  /** What a worker does when it is told something, or nothing where the message was lost. */
  let lossy = false;
  function carryOut(workerId: string, action: Action): void {
    if (action.kind === "observe") see(action.report.attempt, action.report.status?.state);
    else if (action.kind === "vanish") vanish(action.attempt);
    else if (!lossy) push(workerId, action);
  }

  function vanish(attempt: number): void {
    if (task) commit(seen(attempt, vanished(task, attempt, now)));
  }

  function push(workerId: string, action: Push): void {
    const holds = held.get(workerId);
    const state = holds?.get(action.attempt);
    if (action.kind === "start" && state === undefined) holds?.set(action.attempt, STARTING);
    if (action.kind === "stop" && state !== undefined && state < STOPPING)
      holds?.set(action.attempt, STOPPING);
    if (action.kind === "forget" && state !== undefined) {
      expect(isTerminal(state)).toBe(true);
      holds?.delete(action.attempt);
    }
  }

  const seen = (attempt: number, status: ReturnType<typeof aStatus>) =>
    task ? observe(task, { attempt, status, now, jitter: 0 }) : [];
  const see = (attempt: number, state = TaskState.UNSPECIFIED) =>
    commit(seen(attempt, aStatus(state, { containerId: "c" })));
  const lookup = () => task;
  const reportOf = (attempt: number, state: TaskState) =>
    aReport("t1", state, { attempt, containerId: "c" });
  const placementOn = (workerId: string) =>
    create(PlacementSchema, { workerId, scheduler: "spread" });

  /** A worker's container goes one step further. */
  function advance(workerId: string, end: TaskState): void {
    for (const [attempt, state] of held.get(workerId) ?? []) {
      const next = state === STARTING ? RUNNING : state === RUNNING ? end : STOPPED;
      if (!isTerminal(state)) held.get(workerId)?.set(attempt, next);
    }
  }

  function report(workerId: string): void {
    for (const [attempt, state] of [...(held.get(workerId) ?? [])])
      for (const action of reconcileReport(workerId, reportOf(attempt, state), lookup))
        carryOut(workerId, action);
  }

  function compare(workerId: string): void {
    const reports = [...(held.get(workerId) ?? [])].map(([n, state]) => reportOf(n, state));
    const tasksOn = task && liveOn(task, workerId).length > 0 ? [task] : [];
    for (const action of reconcileSnapshot(workerId, reports, { lookup, tasksOn }))
      carryOut(workerId, action);
  }

  const users = {
    place: (workerId: string) =>
      task?.state === PENDING && commit([schedule(task, placementOn(workerId), now)]),
    move(workerId: string) {
      if (!task || whyNotMovable(task) !== undefined || workerOf(task) === workerId) return;
      commit([beginMove(task, { placement: placementOn(workerId), reason: "test", now })]);
    },
    leave: () => task && whyNotMovable(task) === undefined && commit([leave(task, "test", now)]),
    withdraw: () => task?.successor && commit([withdraw(task, "test", now)]),
    hasten: () => task?.successor && commit([handOver(task, now)]),
    stop: () => task && commit(requestStop(task, { grace: undefined, now })),
    remove: () => task && commit(requestRemoval(task, now)),
    lose(workerId: string) {
      if (!task) return;
      for (const { number } of liveOn(task, workerId)) see(number, LOST);
    },
    restart() {
      if (task) task = fromBinary(TaskSchema, toBinary(TaskSchema, task));
    },
    cut: () => {
      lossy = true;
    },
    heal: () => {
      lossy = false;
    },
  };
  return { held, advance, report, compare, ...users, task: () => task };
}

const momentOf = ({ attempt, state }: Task) => ({ attempt: attempt?.number ?? 0, state });

const anyWorker = fc.constantFrom(...WORKERS);
const onWorker = <K extends string>(weight: number, ...kinds: K[]) => ({
  weight,
  arbitrary: fc.record({ kind: fc.constantFrom(...kinds), worker: anyWorker }),
});

/** Mostly what happens in a good life, so that moves get somewhere before they are disturbed. */
const anyStep = fc.oneof(
  onWorker(4, "move"),
  onWorker(8, "place", "report", "advance"),
  onWorker(1, "compare", "lose"),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("advance"),
      worker: anyWorker,
      end: fc.constantFrom(FAILED, FAILED, COMPLETED),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("leave", "withdraw", "hasten", "restart", "cut", "heal"),
    }),
  },
);
const anyEnd = fc.constantFrom("run", "stop", "remove");

type Machine = ReturnType<typeof createMachine>;

function take(machine: Machine, step: Readonly<{ kind: string; worker?: string; end?: number }>) {
  const { kind, worker = "w1", end = RUNNING } = step;
  if (kind === "advance") machine.advance(worker, end);
  else machine[kind as "place"](worker);
}

/** Faults and moves are over: everybody is told everything, until nothing changes any more. */
function settle(machine: Machine): void {
  machine.heal();
  for (let round = 0; round < 12; round++) {
    machine.place("w1");
    for (const worker of WORKERS) {
      machine.compare(worker);
      machine.advance(worker, RUNNING);
      machine.report(worker);
    }
  }
}

test("whatever happens during moves, one attempt is left and nothing leaks", () => {
  const anyMode = fc.constantFrom(
    RestartMode.ALWAYS,
    RestartMode.ALWAYS,
    RestartMode.ON_FAILURE,
    RestartMode.NO,
  );
  fc.assert(
    fc.property(
      anyMode,
      fc.array(anyStep, { maxLength: 60, size: "max" }),
      anyEnd,
      (mode, steps, end) => {
        const machine = createMachine(mode);
        for (const step of steps) take(machine, step);
        machine.heal();
        if (end !== "run") machine[end as "stop"]();
        settle(machine);
        const task = machine.task();
        if (end === "remove") expect(task).toBeUndefined();
        if (task) expect(isTerminal(task.state) || task.state === RUNNING).toBe(true);
        const running = WORKERS.flatMap((worker) =>
          [...(machine.held.get(worker) ?? [])]
            .filter(([, state]) => !isTerminal(state))
            .map(([attempt]) => `${worker}/${attempt}`),
        );
        const expected =
          task?.state === RUNNING ? [`${workerOf(task)}/${task.attempt?.number}`] : [];
        expect(running).toEqual(expected);
        expect(task?.successor).toBeUndefined();
        // A task that had ended by itself keeps its last container, for the logs.
        const isOver = task?.desiredState !== DesiredState.RUN;
        if (isOver) for (const holds of machine.held.values()) expect(holds.size).toBe(0);
      },
    ),
    { numRuns: 400 },
  );
});
