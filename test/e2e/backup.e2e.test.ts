import { execFileSync } from "node:child_process";
import { afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { BERTH, startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage, openEngine } from "./engine.ts";

jest.setTimeout(120_000);

beforeAll(() => ensureImage());
let cluster: TestCluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

const berth = (...args: readonly string[]) =>
  execFileSync(process.execPath, [BERTH, ...args], { encoding: "utf8" });

const isRunning = (task: Task) => task.state === TaskState.RUNNING;
const spec = { command: ["sh", "-c", "sleep 100"] };

/** What tells whether a container is the same, and was never restarted. */
async function traitsOf({ attempt }: Task) {
  const container = openEngine().getContainer(attempt?.status?.containerId ?? "");
  const { Id, State } = await container.inspect();
  return { Id, pid: State.Pid, startedAt: State.StartedAt, attempt: attempt?.number };
}

/** Resolves when the engine has no container of a task. */
async function untilForgotten(taskId: string): Promise<void> {
  const filters = { label: [`dev.berth.task=${taskId}`] };
  while ((await openEngine().listContainers({ all: true, filters })).length > 0)
    await systemClock.sleep(50);
}

test("a backup of a working manager restores elsewhere, and its containers run on", async () => {
  cluster = await startCluster({ isEmbedded: true });
  const { submit, waitFor, crash, start, stateFolder, client } = cluster;
  const kept = await submit(spec);
  const before = await traitsOf(await waitFor(kept.id, isRunning));
  const backup = `${stateFolder("manager")}.backup`;
  const said = berth("backup", "--state-dir", stateFolder("manager"), backup);
  const { cluster: found } = await client.getCluster({});
  expect(said).toContain(`cluster ${found?.id}, tasks: 1`);
  const unknown = await waitFor((await submit(spec)).id, isRunning);
  const { revision: seen } = await client.listTasks({});

  await crash("manager");
  const elsewhere = `${stateFolder("manager")}-restored`;
  berth("restore", backup, "--state-dir", elsewhere);
  start("manager", ["--state-dir", elsewhere]);

  await untilForgotten(unknown.id);
  const task = await waitFor(kept.id, isRunning);
  expect(await traitsOf(task)).toEqual(before);
  const { tasks, revision } = await client.listTasks({});
  expect(tasks.map(({ id }) => id)).toEqual([kept.id]);
  expect(revision).toBeGreaterThan(seen);
  const next = await waitFor((await submit(spec)).id, isRunning);
  expect(next.revision).toBeGreaterThan(revision);
});
