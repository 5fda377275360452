import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import type { Task, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { startEtcd } from "../etcd/etcd-server.ts";
import { freePort } from "../free-port.ts";
import { engineSocket, openEngine, TEST_IMAGE } from "./engine.ts";

export const BERTH = new URL("../../bin/berth", import.meta.url).pathname;

/** How long a test waits for something that should take a moment: the machine may be busy. */
const PATIENCE_MS = 60_000;

export type RoleName = "manager" | "registry" | "worker";

/** A whole cluster of real processes, and the client of a user. */
export interface TestCluster {
  readonly client: Client<typeof ManagerService>;
  readonly managerAddress: string;
  readonly registryAddress: string;
  readonly workerId: string;
  /** Where a role keeps its state; room for more is beside it. */
  stateFolder(role: RoleName): string;
  /** Starts a process, with more flags than those it has anyway. */
  start(role: RoleName, flags?: readonly string[]): void;
  /** Ends a process at once, as a crash would: kill -9. */
  crash(role: RoleName): Promise<void>;
  submit(spec: MessageInitShape<typeof TaskSpecSchema>): Promise<Task>;
  /** Resolves with the task as soon as it is as wanted. Throws with what it was last. */
  waitFor(taskId: string, isWanted: (task: Task) => boolean): Promise<Task>;
  /** Resident memory of a role's process. */
  rssBytes(role: RoleName): number;
  /** Stops everything and removes what it made. */
  stop(): Promise<void>;
}

type Options = Readonly<{
  roles?: readonly RoleName[] | undefined;
  extraFlags?: Partial<Record<RoleName, readonly string[]>>;
  /** Whether the test is about the manager's own store, so that no other one will do. */
  isEmbedded?: boolean;
}>;

/** With `BERTH_E2E_STORE=etcd` the manager's store is in an etcd of its own. */
export async function startCluster(options: Options = {}): Promise<TestCluster> {
  const { roles = ["registry", "manager", "worker"], extraFlags = {} } = options;
  const isInEtcd = process.env["BERTH_E2E_STORE"] === "etcd" && !options.isEmbedded;
  const etcd = isInEtcd ? await startEtcd() : undefined;
  const folder = mkdtempSync(join(tmpdir(), "berth-e2e-"));
  const ports = { manager: await freePort(), registry: await freePort(), worker: await freePort() };
  const address = (role: RoleName) => `127.0.0.1:${ports[role]}`;
  const workerId = `e2e-${ports.worker}`;
  const stateFolder = (role: RoleName) => join(folder, role);
  const flags: Record<RoleName, string[]> = {
    registry: ["--listen", address("registry")],
    manager: [
      "--listen",
      address("manager"),
      "--registry",
      address("registry"),
      "--state-dir",
      stateFolder("manager"),
      ...(etcd ? ["--store", `etcd://${etcd.endpoint}`] : []),
    ],
    worker: [
      "--listen",
      address("worker"),
      "--registry",
      address("registry"),
      "--state-dir",
      stateFolder("worker"),
      "--worker-id",
      workerId,
      "--docker-host",
      `unix://${engineSocket()}`,
      "--allow-host-network",
    ],
  };
  const processes = new Map<RoleName, ChildProcess>();
  const channel = openChannel({ address: address("manager"), clock: systemClock, log: silentLog });
  const client = createClient(ManagerService, channel);

  const logFile = (role: RoleName) => join(folder, `${role}.log`);

  function start(role: RoleName, more: readonly string[] = []): void {
    const log = openSync(logFile(role), "a");
    const extra = [...(extraFlags[role] ?? []), ...more];
    const all = [...flags[role], ...extra, "--log-level", "info"];
    const child = spawn(process.execPath, [BERTH, role, ...all], { stdio: ["ignore", log, log] });
    processes.set(role, child);
  }

  async function end(role: RoleName, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const child = processes.get(role);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  }

  async function waitFor(taskId: string, isWanted: (task: Task) => boolean): Promise<Task> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    let last: Task | undefined;
    while (!signal.aborted) {
      try {
        for await (const { changes } of client.watchTasks({}, { signal }))
          for (const { task } of changes) {
            if (task?.id !== taskId) continue;
            last = task;
            if (isWanted(task)) return task;
          }
      } catch (error) {
        // The manager may be down on purpose: watch again until patience ends.
        if (signal.aborted) break;
        await systemClock.sleep(100);
        if (String(error) === "") throw error;
      }
    }
    const logs = roles.map((role) => `${role}:\n${tailOf(logFile(role))}`).join("\n");
    throw new Error(`task ${taskId} never was as wanted; last: ${describe(last)}\n${logs}`);
  }

  for (const role of roles) start(role);
  await untilServing(client);

  return {
    client,
    managerAddress: address("manager"),
    registryAddress: address("registry"),
    workerId,
    stateFolder,
    start,
    crash: (role) => end(role, "SIGKILL"),
    async submit(spec) {
      const { task } = await client.submitTask(
        { spec: { image: TEST_IMAGE, ...spec } },
        { timeoutMs: 10_000 },
      );
      if (!task) throw new Error("the manager answered without a task");
      return task;
    },
    waitFor,
    rssBytes(role) {
      const status = readFileSync(`/proc/${processes.get(role)?.pid}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
    },
    async stop() {
      channel.close();
      for (const role of ["worker", "manager", "registry"] as const) await end(role, "SIGTERM");
      await etcd?.remove();
      await removeContainersOf(workerId);
      rmSync(folder, { recursive: true });
    },
  };
}

async function untilServing(client: Client<typeof ManagerService>): Promise<void> {
  const deadline = systemClock.monotonic() + PATIENCE_MS;
  for (;;) {
    try {
      await client.getCluster({}, { timeoutMs: 2_000 });
      return;
    } catch (error) {
      if (systemClock.monotonic() > deadline) throw error;
      await systemClock.sleep(50);
    }
  }
}

const describe = (task: Task | undefined) =>
  task
    ? `${TaskState[task.state]} ${task.waitingReason} ${JSON.stringify(task.attempt?.status, (_, value) => (typeof value === "bigint" ? String(value) : value))}`
    : "never seen";

const tailOf = (file: string) => readFileSync(file, "utf8").split("\n").slice(-15).join("\n");

async function removeContainersOf(workerId: string): Promise<void> {
  const engine = openEngine();
  const filters = { label: [`dev.berth.worker=${workerId}`] };
  const found = await engine.listContainers({ all: true, filters });
  await Promise.all(
    found.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true })),
  );
}
