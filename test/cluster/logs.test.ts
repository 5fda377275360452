import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type {
  StreamTaskLogsRequestSchema,
  StreamTaskLogsResponse,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { RestartMode, type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { exitProcess, writeOutput } from "../../services/worker/fake-runtime-faults.ts";
import { type Follower, followTasks } from "./follower.ts";
import { type Cluster, startCluster } from "./harness.ts";
import { createUser, type User } from "./user.ts";

type Request = MessageInitShape<typeof StreamTaskLogsRequestSchema>;

let cluster: Cluster;
let user: User;
let follower: Follower;
const control = new AbortController();

beforeAll(async () => {
  cluster = await startCluster({ seed: 3, workerCount: 2 });
  user = createUser(cluster.client, cluster.clock);
  follower = followTasks(cluster.client, cluster.clock);
});
afterAll(async () => {
  control.abort();
  await follower.stop();
  await cluster.close();
});

async function see(taskId: string, isWanted: (task: Task | undefined) => boolean) {
  for (;;) {
    const task = follower.tasks.get(taskId);
    if (isWanted(task)) return task as Task;
    await cluster.clock.sleep(20);
  }
}

async function run(group: string, image = "web:1"): Promise<string> {
  const { taskId } = await user.submit({ image, name: `${group}-name`, labels: { group } });
  await see(taskId, (task) => task?.state === TaskState.RUNNING);
  return taskId;
}

function write(taskId: string, text: string): void {
  for (const { engine } of cluster.engines.values())
    for (const { key, state } of engine.containers.values())
      if (key.taskId === taskId && state.kind === "running") writeOutput(engine, key, text);
}

function end(taskId: string, exitCode: number): void {
  for (const { engine } of cluster.engines.values())
    for (const { key } of [...engine.containers.values()])
      if (key.taskId === taskId) exitProcess(engine, key, exitCode);
}

const lineOf = ({ taskId, warning, entries }: StreamTaskLogsResponse) =>
  warning
    ? [`${taskId} ! ${warning.reason}`]
    : entries.map(({ data }) => `${taskId} ${Buffer.from(data).toString().trim()}`);

async function read(request: Request): Promise<string[]> {
  const lines: string[] = [];
  for await (const answer of cluster.client.streamTaskLogs(request)) lines.push(...lineOf(answer));
  return lines;
}

/** Follows until it has seen a line. */
function follow(request: Request) {
  const answers = cluster.client
    .streamTaskLogs({ ...request, follow: true }, { signal: control.signal })
    [Symbol.asyncIterator]();
  const lines: string[] = [];
  return {
    lines,
    async until(line: string): Promise<void> {
      while (!lines.includes(line)) {
        const { done, value } = await answers.next();
        if (done) throw new Error(`ended without ${line}: ${lines}`);
        lines.push(...lineOf(value));
      }
    },
    async toEnd(): Promise<void> {
      for (let next = await answers.next(); !next.done; next = await answers.next())
        lines.push(...lineOf(next.value));
    },
    leave: () => answers.return?.(),
  };
}

test("logs of several tasks are one, in the order of time, each line with its task", async () => {
  const [a, b] = [await run("merge"), await run("merge")];
  for (const [index, taskId] of [a, b, b, a].entries()) {
    write(taskId, `line ${index}\n`);
    await cluster.clock.sleep(10);
  }
  const lines = [`${a} line 0`, `${b} line 1`, `${b} line 2`, `${a} line 3`];
  expect((await read({ taskIds: [a, b] })).filter((line) => line.includes("line"))).toEqual(lines);
  const filter = { labels: { group: "merge" } };
  expect((await read({ filter, tail: 1 })).sort()).toEqual([lines[3], lines[2]].sort());
});

test("a task that cannot be read is a warning among several, and an error alone", async () => {
  const a = await run("warn");
  const pending = await user.submit({ image: "web:1", platform: "plan9/arm64" });
  const lines = await read({ taskIds: [a, pending.taskId] });
  expect(lines).toEqual([`${pending.taskId} ! NO_CONTAINER`, `${a} started`]);
  const error = await read({ taskId: pending.taskId }).catch((reason: unknown) => reason);
  expect(reasonOf(error)).toBe("NO_CONTAINER");
});

test("by a filter tasks join that come later, and attempts that follow", async () => {
  const first = await run("join");
  const logs = follow({ filter: { labels: { group: "join" } } });
  await logs.until(`${first} started`);
  const second = await run("join");
  await logs.until(`${second} started`);
  write(first, "still here\n");
  await logs.until(`${first} still here`);
  await logs.leave();
});

test("who follows with a tail is told the last lines of who ran already, and all of who joins", async () => {
  const first = await run("tail");
  for (const line of ["one", "two", "three"]) write(first, `${line}\n`);
  const logs = follow({ filter: { labels: { group: "tail" } }, tail: 1 });
  await logs.until(`${first} three`);
  const second = await run("tail");
  await logs.until(`${second} started`);
  write(second, "more\n");
  await logs.until(`${second} more`);
  expect(logs.lines).toEqual([`${first} three`, `${second} started`, `${second} more`]);
  await logs.leave();
});

test("tasks named one by one are followed over restarts to their end", async () => {
  const { taskId } = await user.submit({
    image: "web:1",
    restartPolicy: { mode: RestartMode.ON_FAILURE, restartsMax: 1 },
  });
  await see(taskId, (task) => task?.state === TaskState.RUNNING);
  const other = await run("ends");
  const logs = follow({ taskIds: [taskId, other] });
  await logs.until(`${taskId} started`);
  const reading = logs.toEnd();
  end(other, 0);
  end(taskId, 1);
  await see(
    taskId,
    (task) => (task?.attempt?.number ?? 0) > 1 && task?.state === TaskState.RUNNING,
  );
  end(taskId, 0);
  await reading;
  expect(logs.lines.filter((line) => line === `${taskId} started`)).toHaveLength(2);
});

test("a worker that goes and comes is told of, and nothing is lost or told twice", async () => {
  const taskId = await run("away");
  const logs = follow({ taskIds: [taskId] });
  await logs.until(`${taskId} started`);
  const task = follower.tasks.get(taskId);
  write(taskId, "before\n");
  await logs.until(`${taskId} before`);
  await cluster.restart(task?.attempt?.placement?.workerId ?? "", "crash");
  write(taskId, "after\n");
  await logs.until(`${taskId} after`);
  expect(logs.lines.filter((line) => !line.includes("!"))).toEqual([
    `${taskId} started`,
    `${taskId} before`,
    `${taskId} after`,
  ]);
  expect(logs.lines.filter((line) => line.includes("!")).length).toBeLessThanOrEqual(1);
  await logs.leave();
});

test.each<[string, Request, string]>([
  ["nothing", {}, "task_id"],
  ["two ways at once", { taskId: "a", taskIds: ["b"] }, "task_id"],
  ["an attempt of several", { taskIds: ["a"], attempt: 1 }, "attempt"],
  ["a task twice", { taskIds: ["a", "a"] }, "task_ids"],
  ["too many", { taskIds: Array.from({ length: 101 }, (_, index) => `t${index}`) }, "task_ids"],
])("to name %s is refused", async (_what, request, field) => {
  const error = ConnectError.from(await read(request).catch((reason: unknown) => reason));
  expect([error.code, error.rawMessage.split(":")[0]]).toEqual([Code.InvalidArgument, field]);
});

async function* said<T>(...words: readonly T[]) {
  yield* words;
}

async function exec(taskId: string, command: string[], input = "") {
  const start = { taskId, process: { command, stdin: input !== "" } };
  const words = said(
    { word: { case: "start" as const, value: start } },
    ...(input === ""
      ? []
      : [
          {
            word: {
              case: "input" as const,
              value: { word: { case: "stdin" as const, value: Buffer.from(input) } },
            },
          },
        ]),
  );
  let text = "";
  for await (const { output } of cluster.client.execTask(words)) {
    if (output?.word.case === "stdout") text += Buffer.from(output.word.value).toString();
    if (output?.word.case === "exit") text += `exit ${output.word.value.exitCode}`;
  }
  return text;
}

test("a process is run where the task is, through the manager", async () => {
  const taskId = await run("exec");
  expect(await exec(taskId, ["cat"], "hello")).toBe("helloexit 0");
  expect(await exec(taskId, ["nosuch"])).toContain("exit 127");
});

test("a process needs a task that there is, and that runs", async () => {
  const gone = await exec("nothing", ["cat"]).catch((reason: unknown) => reason);
  expect(reasonOf(gone)).toBe("TASK_NOT_FOUND");
  const taskId = await run("exec");
  end(taskId, 0);
  await see(taskId, (task) => task?.state === TaskState.COMPLETED);
  const ended = ConnectError.from(await exec(taskId, ["cat"]).catch((reason: unknown) => reason));
  expect(reasonOf(ended)).toBe("NOT_RUNNING");
  expect(ended.rawMessage).toContain(`task ${taskId} is completed`);
});

test("who talks with a process knows which worker is away", async () => {
  const taskId = await run("exec");
  const workerId = follower.tasks.get(taskId)?.attempt?.placement?.workerId ?? "";
  const words = (async function* () {
    yield { word: { case: "start" as const, value: { taskId, process: { command: ["sleep"] } } } };
    await new Promise((resolve) =>
      control.signal.addEventListener("abort", resolve, { once: true }),
    );
  })();
  const answers = cluster.client.execTask(words)[Symbol.asyncIterator]();
  await answers.next();
  cluster.cut(workerId);
  const error = ConnectError.from(await answers.next().catch((reason: unknown) => reason));
  expect(reasonOf(error)).toBe("WORKER_UNREACHABLE");
  expect(error.rawMessage).toContain(workerId);
});
