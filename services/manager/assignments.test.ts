import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { metaKeys } from "../../core/assignment-place.ts";
import { ordersOf } from "../../core/assignments.ts";
import { observe } from "../../core/observe.ts";
import { requestStop, schedule, submit, type TaskChange } from "../../core/task-change.ts";
import { AssignmentSchema } from "../../gen/berth/v1/assignment_pb.ts";
import { RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { createMemoryStore } from "../../lib/store/memory-store.ts";
import type { Store } from "../../lib/store/store.ts";
import { aPlacedTask, aSpec, aStatus, START_MS } from "../../test/builders.ts";
import { mendAssignments } from "./assignment-mending.ts";
import { createLedger, type Ledger } from "./ledger.ts";
import { beginEpoch, loadState } from "./ledger-load.ts";
import { putText } from "./ledger-records.ts";

const random = createSeededRandom(1);

/** A leader that keeps assignments, or one of before there were any. */
async function reign(store: Store, keepsAssignments = true) {
  const begun = await beginEpoch(store, random, { keepsAssignments, nowMs: START_MS });
  const onFailure = (error: unknown) => {
    throw error;
  };
  const deps = { store, clock: systemClock, keepsAssignments, onFailure };
  const ledger = createLedger({ ...(await loadState(store)), ...begun }, deps);
  const mend = () =>
    mendAssignments(
      { ledger, store, clock: systemClock, log: silentLog },
      new AbortController().signal,
    );
  return { ledger, mend, areAssignmentsKept: begun.areAssignmentsKept };
}

const spec = (mode = RestartMode.NO) => aSpec({ image: "web:1", restartPolicy: { mode } }, "t1");
const placement = aPlacedTask().attempt?.placement;

async function place(ledger: Ledger, id: string, mode?: RestartMode): Promise<void> {
  const submitted = submit(id, spec(mode), START_MS);
  if (!placement) throw new Error("a placed task has a placement");
  await ledger.commit([submitted, schedule(submitted.task, placement, START_MS)]);
}

const taskOf = (ledger: Ledger, id = "t1"): Task => {
  const task = ledger.tasks.get(id);
  if (!task) throw new Error(`there is no task ${id}`);
  return task;
};

const see = (task: Task, state: TaskState): readonly TaskChange[] =>
  observe(task, { attempt: 1, status: aStatus(state), now: START_MS, jitter: 0 });

async function told(store: Store): Promise<string[]> {
  const entries = await store.list("assigned/");
  return entries.map(({ key, value }) => {
    const { order } = fromBinary(AssignmentSchema, value);
    return `${key} ${order.case}`;
  });
}

test("an assignment comes with its placement, in one batch, and goes with its attempt", async () => {
  const store = createMemoryStore();
  const { ledger } = await reign(store);
  await place(ledger, "t1", RestartMode.ALWAYS);
  const [assignment] = await store.list("assigned/");
  expect(assignment?.key).toBe("assigned/w1/t1/1");
  expect(assignment?.revision).toBe((await store.get("task/t1"))?.revision);
  const { order } = fromBinary(AssignmentSchema, assignment?.value ?? new Uint8Array());
  expect(order.value).toMatchObject({ taskId: "t1", attempt: 1, spec: { image: "web:1" } });
  await ledger.commit(see(taskOf(ledger), TaskState.RUNNING));
  expect((await store.list("assigned/"))[0]?.revision).toBe(assignment?.revision);
  await ledger.commit(requestStop(taskOf(ledger), { now: START_MS, grace: undefined }));
  expect(await told(store)).toEqual(["assigned/w1/t1/1 stop"]);
  await ledger.commit(see(taskOf(ledger), TaskState.STOPPED));
  expect(await told(store)).toEqual([]);
});

test("a task that is not restarted may be started until it has run", async () => {
  const store = createMemoryStore();
  const { ledger } = await reign(store);
  await place(ledger, "t1");
  expect(await told(store)).toEqual(["assigned/w1/t1/1 start"]);
  await ledger.commit(see(taskOf(ledger), TaskState.RUNNING));
  expect(await told(store)).toEqual([]);
});

test("a store that no worker reads holds no assignments", async () => {
  const store = createMemoryStore();
  const { ledger } = await reign(store, false);
  await place(ledger, "t1");
  expect(await told(store)).toEqual([]);
  expect(await store.get(metaKeys.assignments)).toBeUndefined();
});

test("assignments are in step from leader to leader, without being read", async () => {
  const store = createMemoryStore();
  expect((await reign(store)).areAssignmentsKept).toBe(true);
  expect((await reign(store)).areAssignmentsKept).toBe(true);
  expect(Buffer.from((await store.get(metaKeys.assignments))?.value ?? []).toString()).toBe("2");
});

test("a leader that finds them out of step mends them, and only then says so", async () => {
  const store = createMemoryStore();
  const first = await reign(store);
  await place(first.ledger, "old");
  const before = await reign(store, false);
  await before.ledger.commit(see(taskOf(before.ledger, "old"), TaskState.RUNNING));
  await place(before.ledger, "new");
  const { ledger, mend, areAssignmentsKept } = await reign(store);
  expect(areAssignmentsKept).toBe(false);
  const mark = async () => Buffer.from((await store.get(metaKeys.assignments))?.value ?? []);
  expect((await mark()).toString()).toBe("1");
  const mended = mend();
  await Promise.all([mended, place(ledger, "newest")]);
  expect(await told(store)).toEqual(["assigned/w1/new/1 start", "assigned/w1/newest/1 start"]);
  expect((await mark()).toString()).toBe("3");
});

test("what is mended is what was kept, however many there are", async () => {
  const store = createMemoryStore();
  const { ledger } = await reign(store, false);
  await store.commit({ writes: [putText("assigned/w9/gone/1", "stale")] });
  for (let i = 0; i < 600; i++) await place(ledger, `t${i}`);
  const { ledger: next, mend } = await reign(store);
  await mend();
  const expected = [...next.tasks.all()].flatMap(ordersOf).length;
  expect(expected).toBe(600);
  expect(await store.count("assigned/")).toBe(expected);
});
