import { crashesOf } from "../core/crash-report.ts";
import { RegistryService } from "../gen/berth/v1/registry_service_pb.ts";
import { DesiredState } from "../gen/berth/v1/task_pb.ts";
import { type Worker, WorkerState } from "../gen/berth/v1/worker_pb.ts";
import { WorkerService } from "../gen/berth/v1/worker_service_pb.ts";
import type { Channel } from "../lib/rpc/channel.ts";
import { createClient } from "../lib/rpc/client.ts";
import type { Witnesses } from "./audit.ts";
import { load } from "./audit-load.ts";
import type { Follower } from "./follower.ts";
import { registryAddress } from "./registries.ts";
import { WORKER_PORT } from "./world.ts";

type Callers = Witnesses & Readonly<{ follower: Follower }>;

/** What services tell when they are asked, beside what is so. Lasts a few milliseconds. */
export async function auditCalls(witnesses: Callers): Promise<string[]> {
  const { users, ledger, world } = witnesses;
  const { workers } = await users.client.listWorkers({ pageSize: 1_000 });
  const known = new Set(workers.map(({ id }) => id));
  const missing = [...world.machines.keys()].filter((id) => !known.has(id));
  const { tasks } = await users.client.listTasks({ pageSize: 1_000 });
  const listed = new Map(tasks.map((task) => [task.id, task]));
  const wrong = [...ledger.tasks.values()].filter(
    ({ id, revision }) => listed.get(id)?.revision !== revision,
  );
  const records = await Promise.all(workers.map(({ id }) => auditRecords(id, witnesses)));
  return [
    ...(await Promise.all(world.registries.map((name) => auditRegistry(name, witnesses)))).flat(),
    ...missing.map((id) => `${id} is not listed`),
    ...workers.flatMap((worker) => auditWorker(worker, witnesses)),
    ...wrong.map(({ spec }) => `${spec?.name} is listed as it is not`),
    ...tasks.filter(({ id }) => !ledger.tasks.has(id)).map(({ id }) => `${id} is listed and gone`),
    ...auditCopy(witnesses),
    ...records.flat(),
    ...(await auditCrashes(witnesses)),
  ];
}

/** Every attempt that failed or was lost has a report, that says why and what is left of it. */
async function auditCrashes({ users, ledger }: Witnesses): Promise<string[]> {
  const crashed = [...ledger.tasks.values()].filter((task) => crashesOf(task).length > 0);
  const found = await Promise.all(
    crashed.map(async (task) => {
      const { reports } = await users.client.listCrashReports({ taskId: task.id });
      const told = new Set(reports.map(({ attempt }) => attempt));
      const untold = crashesOf(task).filter(({ number }) => !told.has(number));
      const mute = reports.filter(
        ({ cause, evidence, evidenceNote }) => cause === "" || (!evidence && evidenceNote === ""),
      );
      return [
        ...untold.map(({ number }) => `${task.spec?.name}/${number} has no crash report`),
        ...mute.map(({ attempt }) => `the crash report of ${task.spec?.name}/${attempt} is mute`),
      ];
    }),
  );
  return found.flat();
}

/** Each registry knows every worker: one that was replaced a moment ago may not. */
async function auditRegistry(name: string, { world, users }: Witnesses): Promise<string[]> {
  const channel = connect(registryAddress(name), { world, users });
  const { workers } = await createClient(RegistryService, channel).listWorkers({ pageSize: 1_000 });
  channel.close();
  const up = new Set(
    workers.filter(({ state }) => state === WorkerState.UP).map(({ workerId }) => workerId),
  );
  return [...world.machines.keys()].flatMap((id) =>
    up.has(id) ? [] : `${id} is unknown to ${name}`,
  );
}

/** A worker is up, its engine is known to be well, and the manager counts on it what is placed there. */
function auditWorker(worker: Worker, { ledger }: Witnesses): string[] {
  const { id, allocation, presence, linked } = worker;
  const { taskCount, cpuMillis, memoryBytes } = load(id, ledger);
  const { reserved } = allocation ?? {};
  const found: string[] = [];
  if (presence?.state !== WorkerState.UP || !linked) found.push(`${id} is not up and linked`);
  if (!presence?.metrics?.engineHealthy) found.push(`the engine of ${id} is said not to be well`);
  if (allocation?.taskCount !== taskCount)
    found.push(`${id} has ${taskCount} attempts, and is said to have ${allocation?.taskCount}`);
  if (reserved?.cpuMillis !== cpuMillis || reserved.memoryBytes !== memoryBytes)
    found.push(`${id} has ${cpuMillis}m reserved, and is said to have ${reserved?.cpuMillis}m`);
  return found;
}

/** Who has followed the stream knows what is on disk. */
function auditCopy({ follower, ledger }: Callers): string[] {
  const ids = new Set([...follower.tasks.keys(), ...ledger.tasks.keys()]);
  return [...ids].flatMap((id) => {
    const [seen, stored] = [follower.tasks.get(id)?.revision, ledger.tasks.get(id)?.revision];
    return seen === stored ? [] : [`${id} is at ${stored}, and was seen at ${seen} by a watcher`];
  });
}

/** A worker remembers nothing that its manager needs no more. */
async function auditRecords(workerId: string, { world, users, ledger }: Witnesses) {
  const channel = connect(`${workerId}:${WORKER_PORT}`, { world, users });
  const client = createClient(WorkerService, channel);
  const { reports } = await client.listTasks({ pageSize: 1_000 });
  channel.close();
  return reports
    .filter(({ taskId }) => ledger.tasks.get(taskId)?.desiredState !== DesiredState.RUN)
    .map(({ taskId, attempt }) => `${workerId} still remembers ${taskId}/${attempt}`);
}

function connect(address: string, { world, users }: Pick<Witnesses, "world" | "users">): Channel {
  const wire = world.ether.wireOf("user", users.process);
  return wire.connect({ address, clock: users.clock, log: world.trace.logOf("user") });
}
