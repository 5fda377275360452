import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { afterEach, expect, jest, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { insist } from "../etcd/insist.ts";
import { freePort } from "../free-port.ts";
import { BERTH } from "./cluster.ts";

jest.setTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), "berth-server-"));
const children: ChildProcess[] = [];
afterEach(async () => {
  await Promise.all(children.map((child) => end(child)));
  rmSync(folder, { recursive: true, force: true });
});

function berth(...args: readonly string[]): ChildProcess {
  const child = spawn(BERTH, [...args, "--log-level", "error"], { stdio: "inherit" });
  children.push(child);
  return child;
}

/** Asks a process to end. Answers its exit code. */
async function end(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  }
  return child.exitCode;
}

/** What the manager says of the task as soon as it runs. */
async function untilRunning(client: Client<typeof ManagerService>, taskId: string): Promise<Task> {
  for (;;) {
    const { task } = await insist(() => client.getTask({ taskId }));
    if (task?.state === TaskState.RUNNING) return task;
    await systemClock.sleep(50);
  }
}

test("a manager and a registry in one process run tasks, and go on after a restart", async () => {
  const [manager, registry, worker] = [await freePort(), await freePort(), await freePort()].map(
    (port) => `127.0.0.1:${port}`,
  );
  const args = ["--manager-listen", `${manager}`, "--registry-listen", `${registry}`];
  const server = () => berth("server", ...args, "--state-dir", folder);
  const channel = openChannel({ address: `${manager}`, clock: systemClock, log: silentLog });
  const client = createClient(ManagerService, channel);
  const submit = async (): Promise<string> =>
    (await insist(() => client.submitTask({ spec: { image: "any" } }))).task?.id ?? "";
  try {
    const first = server();
    const hollow = ["--runtime", "hollow", "--worker-id", "hollow"];
    berth("worker", ...hollow, "--listen", `${worker}`, "--registry", `${registry}`);
    const before = await untilRunning(client, await submit());
    expect(await end(first)).toBe(0);

    server();
    const after = await untilRunning(client, before.id);
    expect(after.attempt?.number).toBe(1);
    expect(after.attempt?.status?.containerId).toBe(before.attempt?.status?.containerId);
    expect((await untilRunning(client, await submit())).attempt?.number).toBe(1);
  } finally {
    channel.close();
  }
});
