import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { LogStream } from "../gen/berth/v1/log_entry_pb.ts";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { DesiredState, RestartMode, TaskSchema, TaskState } from "../gen/berth/v1/task_pb.ts";
import { wrongState } from "../lib/errors.ts";
import { createClient } from "../lib/rpc/client.ts";
import { attachTask } from "./attach-task.ts";
import { CommandError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { createFakeContext } from "./testing/fake-context.ts";

type TaskInit = MessageInitShape<typeof TaskSchema>;

const task = (number: number, state: TaskState, status: object = {}): TaskInit => ({
  id: "t1",
  spec: { name: "web", restartPolicy: { mode: RestartMode.ON_FAILURE, restartsMax: 1 } },
  desiredState: DesiredState.RUN,
  restartCount: number - 1,
  state,
  attempt: { number, status: { state, containerId: `c${number}`, ...status } },
});

/** A manager that tells the given life and knows the logs of the given attempts. */
function attach(life: readonly TaskInit[], logs: Readonly<Record<number, string>>) {
  const world = createFakeContext();
  const transport = createRouterTransport((router) =>
    router.service(ManagerService, {
      async *watchTasks(_, { signal }) {
        for (const each of life) yield { changes: [{ task: each }] };
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
      async *streamTaskLogs({ attempt }) {
        const text = logs[attempt];
        if (text === undefined) throw wrongState("LOGS_GONE", "the container is gone");
        const data = new TextEncoder().encode(text);
        yield { entries: [{ stream: LogStream.STDOUT, data }] };
      },
    }),
  );
  const manager = createClient(ManagerService, transport);
  const start = create(TaskSchema, { id: "t1", spec: { name: "web" }, state: TaskState.PENDING });
  const options = { timeoutMs: undefined, quiet: true };
  return { ...world, ended: attachTask(world.context, manager, start, options) };
}

test("prints every attempt once, and ends only when no other follows", async () => {
  const life = [
    task(1, TaskState.RUNNING),
    task(1, TaskState.FAILED, { exitCode: 41 }),
    task(2, TaskState.PENDING, { containerId: "" }),
    task(2, TaskState.RUNNING),
    task(2, TaskState.FAILED, { exitCode: 42 }),
  ];
  const { ended, terminal } = attach(life, { 1: "first\n", 2: "second\n" });
  expect(await ended).toBe(42);
  expect(terminal.printed()).toBe("first\nsecond");
});

test("prints a container that ended before it was seen to run", async () => {
  const { ended, terminal } = attach([task(1, TaskState.COMPLETED)], { 1: "quick\n" });
  expect(await ended).toBe(exitCodes.ok);
  expect(terminal.printed()).toBe("quick");
});

test("logs that are gone do not hide the exit code", async () => {
  const { ended, terminal } = attach([task(2, TaskState.FAILED, { exitCode: 3 })], {});
  expect(await ended).toBe(3);
  expect(terminal.printed()).toBe("! cannot read the logs of task t1: the container is gone");
});

test("an end without an exit code is an error", async () => {
  const { ended } = attach([task(2, TaskState.LOST)], { 2: "" });
  const error = await ended.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(CommandError);
  expect(error).toMatchObject({ exitCode: exitCodes.badEnd });
});

test("a user who leaves is told that the task goes on", async () => {
  const { ended, terminal, interruption } = attach([], {});
  interruption.abort();
  expect(await ended).toBe(exitCodes.interrupted);
  expect(terminal.printed()).toContain("task t1 goes on");
});
