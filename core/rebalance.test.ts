import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { OnDisconnect, RestartMode, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aPlacedTask, aStatus, START_MS } from "../test/builders.ts";
import { book, unbook } from "./placement/booking.ts";
import type { Candidate } from "./placement/candidate.ts";
import { demandOf } from "./placement/demand.ts";
import { amount, worker } from "./placement/samples.ts";
import { fullnessOf } from "./placement/spread.ts";
import { planRebalance } from "./rebalance.ts";
import { toTimestamp } from "./time.ts";

const now = START_MS + 3_600_000;
const ALWAYS = { restartPolicy: { mode: RestartMode.ALWAYS } };

function aRunning(id: string, workerId: string, spec: object = ALWAYS, placeMs = START_MS): Task {
  const task = aPlacedTask(id, workerId, spec);
  const placement = task.attempt?.placement && {
    ...task.attempt.placement,
    placeTime: toTimestamp(placeMs),
  };
  const attempt = { ...task.attempt, placement, status: aStatus(TaskState.RUNNING) };
  return { ...task, state: TaskState.RUNNING, attempt } as Task;
}

/** Workers as they are with the tasks booked on them. */
function fleetOf(workers: readonly Candidate[], tasks: readonly Task[], movesMax = 100) {
  const on = (workerId: string) =>
    tasks.filter((task) => task.attempt?.placement?.workerId === workerId);
  const booked = workers.map((each) =>
    on(each.workerId).reduce((sum, { spec }) => (spec ? book(sum, demandOf(spec)) : sum), each),
  );
  return { workers: booked, tasksOn: on, now, movesMax };
}

const many = (count: number, workerId: string, spec?: object) =>
  Array.from({ length: count }, (_, n) => aRunning(`t${n + 10}`, workerId, spec));

const routes = (fleet: ReturnType<typeof fleetOf>) =>
  planRebalance(fleet).moves.map(
    ({ task, fromWorkerId, toWorkerId }) => `${task.id} ${fromWorkerId} ${toWorkerId}`,
  );

describe("moves", () => {
  test("half of the tasks to a worker that has just joined, and says what is gained", () => {
    const fleet = fleetOf([worker("a"), worker("b")], many(6, "a"));
    expect(routes(fleet)).toEqual(["t10 a b", "t11 a b", "t12 a b"]);
    expect(planRebalance(fleet).moves[0]?.reason).toMatch(/^a is \d+ % full, b 0 %$/);
  });

  test("no more than is asked for", () => {
    expect(routes(fleetOf([worker("a"), worker("b")], many(6, "a"), 1))).toEqual(["t10 a b"]);
  });

  test("nothing when the gain is too small", () => {
    const tasks = [
      ...many(5, "a"),
      aRunning("t90", "b"),
      ...["t91", "t92", "t93"].map((id) => aRunning(id, "b")),
    ];
    expect(routes(fleetOf([worker("a"), worker("b")], tasks))).toEqual([]);
  });

  test("a big task where small ones would only swap the places", () => {
    const big = { ...ALWAYS, reservation: { cpuMillis: 3_000n } };
    const tasks = [aRunning("t1", "a", big), aRunning("t2", "a", big)];
    const roomy = { capacity: amount(8_000, 16_384) };
    expect(routes(fleetOf([worker("a", roomy), worker("b", roomy)], tasks))).toEqual(["t1 a b"]);
    expect(routes(fleetOf([worker("a", roomy), worker("b", roomy)], [...tasks.slice(1)]))).toEqual(
      [],
    );
  });

  test("nothing to or from a worker that is not ready", () => {
    const tasks = many(6, "a");
    expect(routes(fleetOf([worker("a"), worker("b", { ready: false })], tasks))).toEqual([]);
    expect(routes(fleetOf([worker("a", { ready: false }), worker("b")], tasks))).toEqual([]);
  });

  test("only where the task fits", () => {
    const web = { ...ALWAYS, ports: [{ containerPort: 80, hostPort: 80, protocol: 10 }] };
    const taken = worker("b", { usedPorts: new Set(["tcp/80"]) });
    const tasks = [aRunning("t1", "a", web)];
    expect(routes(fleetOf([worker("a"), taken], tasks))).toEqual([]);
  });
});

test("a task that moves already counts no more where it still is", () => {
  const tasks = ["t1", "t2"].map((id) => {
    const task = aRunning(id, "a");
    const attempt = aPlacedTask(id, "c").attempt;
    return { ...task, ...(attempt && { successor: { ...attempt, number: 2 } }) };
  });
  const plan = planRebalance(fleetOf([worker("a"), worker("b")], tasks));
  expect(plan).toEqual({ moves: [], blocks: [] });
});

describe("leaves alone, and says so,", () => {
  test.each<[string, object, number]>([
    ["ends by itself", {}, START_MS],
    ["may never run twice", { ...ALWAYS, onDisconnect: OnDisconnect.STOP }, START_MS],
    ["was placed less than a minute ago", ALWAYS, now - 59_000],
  ])("a task that %s", (reason, spec, placeMs) => {
    const tasks = ["t1", "t2"].map((id) => aRunning(id, "a", spec, placeMs));
    const { moves, blocks } = planRebalance(fleetOf([worker("a"), worker("b")], tasks));
    expect(moves).toEqual([]);
    expect(blocks).toEqual(tasks.map(({ id }) => ({ taskId: id, reason })));
  });
});

/** What was full while the old containers were still there may have room in a later round. */
const ROUNDS_MAX = 5;

/** The tasks where a rebalance takes them. The same ones when there is nothing to gain. */
function settle(workers: readonly Candidate[], tasks: readonly Task[]): readonly Task[] {
  const { moves } = planRebalance(fleetOf(workers, tasks));
  if (moves.length === 0) return tasks;
  const targets = new Map(moves.map(({ task, toWorkerId }) => [task.id, toWorkerId]));
  return tasks.map((task) => {
    const to = targets.get(task.id);
    return to ? aRunning(task.id, to, task.spec ?? {}) : task;
  });
}

test("every move is to the gain of its workers, and some rounds later there is nothing to gain", () => {
  const anyTask = fc.record({
    workerId: fc.constantFrom("a", "b", "c"),
    cpuMillis: fc.constantFrom(0, 100, 500, 1_500),
  });
  fc.assert(
    fc.property(fc.array(anyTask, { maxLength: 12 }), (drafts) => {
      const workers = ["a", "b", "c"].map((id) => worker(id));
      const tasks = drafts.map(({ workerId, cpuMillis }, n) =>
        aRunning(`t${n + 10}`, workerId, {
          ...ALWAYS,
          reservation: { cpuMillis: BigInt(cpuMillis) },
        }),
      );
      const fleet = fleetOf(workers, tasks);
      const now = new Map(fleet.workers.map((each) => [each.workerId, each]));
      const { moves } = planRebalance(fleet);
      expect(planRebalance(fleet).moves).toEqual(moves);
      for (const { demand, fromWorkerId, toWorkerId } of moves) {
        const [from, to] = [now.get(fromWorkerId), now.get(toWorkerId)];
        if (!from || !to) throw new Error("a move is between known workers");
        now.set(fromWorkerId, unbook(from, demand)).set(toWorkerId, book(to, demand));
        const after = [fromWorkerId, toWorkerId].map((id) => fullnessOf(now.get(id) ?? from));
        expect(Math.max(...after)).toBeLessThan(fullnessOf(from));
      }
      let settled: readonly Task[] = tasks;
      for (let round = 0; round < ROUNDS_MAX; round++) settled = settle(workers, settled);
      expect(settle(workers, settled)).toBe(settled);
    }),
    { numRuns: 200 },
  );
});
