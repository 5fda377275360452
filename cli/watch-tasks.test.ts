import { createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { ManagerService, type WatchTasksRequest } from "../gen/berth/v1/manager_service_pb.ts";
import { TaskState } from "../gen/berth/v1/task_pb.ts";
import { compacted, denied, unavailable } from "../lib/errors.ts";
import { createManualClock } from "../lib/manual-clock.ts";
import { createClient } from "../lib/rpc/client.ts";
import { followTask, type Step } from "./follow-task.ts";
import { watchTasks } from "./watch-tasks.ts";

/** A manager whose every watch goes as the next script says. */
function createScripted(scripts: readonly (() => Iterable<object>)[]) {
  const asked: (bigint | undefined)[] = [];
  const transport = createRouterTransport((router) =>
    router.service(ManagerService, {
      async *watchTasks({ afterRevision }: WatchTasksRequest) {
        const script = scripts[asked.length];
        asked.push(afterRevision);
        if (!script) throw unavailable("AWAY", "still away");
        yield* script();
      },
      getTask: () => ({ task: task(9n, TaskState.COMPLETED) }),
    }),
  );
  return { manager: createClient(ManagerService, transport), asked };
}

const task = (revision: bigint, state: TaskState) => ({ id: "t1", revision, state });
const running = (revision: bigint) => ({
  changes: [{ task: task(revision, TaskState.RUNNING) }],
  revision,
});

/** A clock on which every wait is over at once. */
const impatient = () => ({ ...createManualClock(), sleep: () => Promise.resolve() });

test("after a break the watch goes on where it stopped", async () => {
  const leave = new AbortController();
  const { manager, asked } = createScripted([
    function* () {
      yield running(5n);
      throw unavailable("AWAY", "restarting");
    },
    function* () {
      yield running(6n);
    },
  ]);
  const options = { filter: {}, afterRevision: 4n, clock: impatient(), signal: leave.signal };
  const kinds: string[] = [];
  for await (const watched of watchTasks(manager, options)) {
    kinds.push(watched.kind);
    if (kinds.length === 3) leave.abort();
  }
  expect(kinds).toEqual(["changed", "reconnecting", "changed"]);
  expect(asked.slice(0, 2)).toEqual([4n, 5n]);
});

test("a manager that stays away ends the watch", async () => {
  const { manager, asked } = createScripted([]);
  const options = { filter: {}, clock: impatient(), signal: new AbortController().signal };
  const watching = (async () => {
    for await (const watched of watchTasks(manager, options))
      expect(watched.kind).not.toBe("changed");
  })();
  await expect(watching).rejects.toThrow("still away");
  expect(asked.length).toBe(12);
});

test("a refusal is not repeated", async () => {
  const { manager, asked } = createScripted([
    // biome-ignore lint/correctness/useYield: it is refused before anything comes
    function* () {
      throw denied("NOT_YOURS", "no");
    },
  ]);
  const options = { filter: {}, clock: impatient(), signal: new AbortController().signal };
  await expect(watchTasks(manager, options).next()).rejects.toThrow("no");
  expect(asked.length).toBe(1);
});

test("a task is looked at anew when its history is gone", async () => {
  const leave = new AbortController();
  const { manager } = createScripted([
    // biome-ignore lint/correctness/useYield: it is refused before anything comes
    function* () {
      throw compacted("too old");
    },
  ]);
  const { task: known } = await manager.getTask({ taskId: "t1" });
  if (!known) throw new Error("the fake has the task");
  const start = { ...known, state: TaskState.PENDING };
  const steps: Step[] = [];
  for await (const step of followTask(manager, start, {
    clock: impatient(),
    signal: leave.signal,
  })) {
    steps.push(step);
    if (steps.length === 2) leave.abort();
  }
  expect(steps.map((step) => (step.kind === "changed" ? step.task.state : step.kind))).toEqual([
    TaskState.PENDING,
    TaskState.COMPLETED,
  ]);
});
