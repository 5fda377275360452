import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { type EtcdServer, startEtcd } from "../etcd/etcd-server.ts";
import { BERTH, startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage, openEngine } from "./engine.ts";

jest.setTimeout(120_000);

let etcd: EtcdServer | undefined;
let cluster: TestCluster | undefined;
beforeAll(() => ensureImage());
afterEach(async () => {
  await cluster?.stop();
  await etcd?.remove();
});

const berth = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, [BERTH, ...args], { encoding: "utf8" });

const isRunning = (task: Task) => task.state === TaskState.RUNNING;
const spec = { command: ["sh", "-c", "sleep 100"] };

/** What tells whether a container is the same, and was never restarted. */
async function traitsOf({ attempt }: Task) {
  const container = openEngine().getContainer(attempt?.status?.containerId ?? "");
  const { Id, State } = await container.inspect();
  return { Id, pid: State.Pid, startedAt: State.StartedAt, attempt: attempt?.number };
}

test("a cluster moves to etcd, its containers run on, and the old store opens for nobody", async () => {
  etcd = await startEtcd();
  cluster = await startCluster({ isEmbedded: true });
  const { submit, waitFor, crash, start, stateFolder, client } = cluster;
  const { id } = await submit(spec);
  const before = await traitsOf(await waitFor(id, isRunning));
  const { cluster: old } = await client.getCluster({});
  const store = `etcd://${etcd.endpoint}/moved`;
  const move = () => berth("migrate", "--state-dir", stateFolder("manager"), "--to", store);
  await expect(move()).rejects.toThrow("is in use by process");

  await crash("manager");
  expect((await move()).stdout).toContain(`cluster ${old?.id}, tasks: 1`);
  start("manager", ["--store", store]);

  expect(await traitsOf(await waitFor(id, isRunning))).toEqual(before);
  const next = await waitFor((await submit(spec)).id, isRunning);
  expect(next.attempt?.number).toBe(1);
  const { cluster: found } = await client.getCluster({});
  expect(found?.id).toBe(old?.id);

  const refused = berth(
    "manager",
    "--listen",
    "127.0.0.1:0",
    "--state-dir",
    stateFolder("manager"),
  );
  await expect(refused).rejects.toThrow(`moved to ${store}`);
});
