import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { Role } from "../../gen/berth/v1/worker_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { createEtcdView } from "../../lib/store/etcd-view.ts";
import { createFakeRuntime } from "../../services/worker/fake-runtime.ts";
import { createFakeEngine } from "../../services/worker/fake-runtime-engine.ts";
import { removeByForce } from "../../services/worker/fake-runtime-faults.ts";
import { createFakeGlance } from "../../services/worker/fake-runtime-usage.ts";
import { createFakeProbes } from "../../services/worker/prober-fake.ts";
import { createMemoryFolder } from "../../services/worker/state-folder-memory.ts";
import { startWorker } from "../../services/worker/worker.ts";
import { aSpec } from "../builders.ts";
import { clientOf, surroundings } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";
import { createFleet, type Fleet, type ManagerProcess } from "./manager-processes.ts";

// Real processes and real leases: on a busy machine this takes its time.
const PATIENCE_MS = 120_000;

const host = {
  ...{ cpuPercent: 1, load1m: 0, load5m: 0, load15m: 0 },
  ...{ memoryTotalBytes: 2 ** 33, memoryAvailableBytes: 2 ** 33 },
  ...{ diskTotalBytes: 2 ** 36, diskAvailableBytes: 2 ** 36 },
};

let etcd: EtcdServer;
let fleet: Fleet;
let worker: Running;
let address: string;
// What outlives the worker's process.
const engine = createFakeEngine(systemClock);
const state = createMemoryFolder("w1");

async function beginWorker(): Promise<void> {
  const openView = async () =>
    createEtcdView({ client: await clientOf([etcd.endpoint]), prefix: "/berth/" });
  const engineOf = {
    runtime: createFakeRuntime(engine),
    probes: createFakeProbes(engine),
    glance: createFakeGlance(engine),
  };
  const config = { listen: address, registryAddress: fleet.registry, hostname: "w1" };
  const more = { labels: {}, allowHostNetwork: false, capacity: {}, version: "1" };
  worker = await startWorker(
    { ...config, ...more, workerId: "w1", roles: [Role.WORKER] },
    { ...surroundings, ...engineOf, state, stats: { measure: async () => host }, openView },
  );
}

beforeEach(async () => {
  etcd = await startEtcd();
  fleet = await createFleet();
  await fleet.addWorkers(0);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const free = server.address();
  address = `127.0.0.1:${typeof free === "object" ? free?.port : 0}`;
  server.close();
  await once(server, "close");
  await beginWorker();
}, PATIENCE_MS);
afterEach(async () => {
  await worker.stop();
  await fleet.close();
  await etcd.remove();
}, PATIENCE_MS);

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await systemClock.sleep(50);
}

const containersOf = (name: string) =>
  [...engine.containers.values()].filter(({ spec }) => spec.name === name);
const runs = (name: string) => containersOf(name).some(({ state: { kind } }) => kind === "running");

async function submit({ client }: ManagerProcess, name: string): Promise<string> {
  const restartPolicy = { mode: RestartMode.ALWAYS };
  const spec = aSpec({ name, image: "web:1", restartPolicy }, name);
  for (;;)
    try {
      const { task } = await client.submitTask({ spec, requestId: `request-${name}` });
      return task?.id ?? "";
    } catch {
      await systemClock.sleep(50);
    }
}

/** In the state that a manager knows. */
const isIn = async ({ client }: ManagerProcess, name: string, wanted: TaskState) => {
  const { tasks } = await client.listTasks({}).catch(() => ({ tasks: [] }));
  return tasks.some(({ spec, state: own }) => spec?.name === name && own === wanted);
};

test(
  "with every manager dead a worker starts what is assigned, restarts what vanished, stops what is to end",
  async () => {
    const first = await fleet.addManager(etcd.endpoint);
    const second = await fleet.addManager(etcd.endpoint);
    for (const name of ["stays", "vanishes", "leaves"]) await submit(first, name);
    for (const name of ["stays", "vanishes", "leaves"])
      await eventually(() => isIn(first, name, TaskState.RUNNING));
    const [kept] = containersOf("stays");

    // The worker is away when a task is to end; then all managers die, and a container goes.
    await worker.stop();
    const { tasks } = await first.client.listTasks({});
    const taskId = tasks.find(({ spec }) => spec?.name === "leaves")?.id ?? "";
    await first.client.stopTask({ taskId, requestId: "stop" });
    await Promise.all([first.kill(), second.kill()]);
    const vanished = containersOf("vanishes")[0];
    if (vanished) removeByForce(engine, vanished.key);
    await beginWorker();
    await eventually(() => containersOf("leaves").length === 0);
    await eventually(() => runs("vanishes"));
    expect(containersOf("vanishes")[0]?.id).not.toBe(vanished?.id);

    // Once more, under a worker that was there all the while.
    const [again] = containersOf("vanishes");
    if (again) removeByForce(engine, again.key);
    await eventually(() => runs("vanishes"));

    await first.start();
    await eventually(() => isIn(first, "leaves", TaskState.STOPPED));
    await eventually(() => isIn(first, "vanishes", TaskState.RUNNING));
    expect(containersOf("stays").map(({ id, startCount }) => [id, startCount])).toEqual([
      [kept?.id, 1],
    ]);
    const after = await first.client.listTasks({});
    expect(after.tasks.map(({ attempt }) => attempt?.number)).toEqual([1, 1, 1]);
  },
  PATIENCE_MS,
);
