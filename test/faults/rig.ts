import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import type Docker from "dockerode";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import {
  NetworkMode,
  type Task,
  type TaskSpecSchema,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { randomWord, systemRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { engineSocket, TEST_IMAGE } from "../e2e/engine.ts";
import { freePort } from "../free-port.ts";
import { audit } from "./audit.ts";
import { type Container, containersOf, openDocker, removeContainersOf } from "./containers.ts";
import { eventually, PATIENCE_MS } from "./eventually.ts";
import { createHistory, type History } from "./history.ts";
import { createRole, type Launch, type Role } from "./role.ts";
import { filesFolder } from "./traces.ts";

export type SpecInit = Exclude<MessageInitShape<typeof TaskSpecSchema>, { $typeName: string }>;

/** A worker and where it lives. */
export type WorkerOptions = Readonly<{
  /** Address to listen on and to be reached at. Default: loopback. */
  host?: string;
  socketPath?: string;
  /** So many workers without an engine in one process, instead of one with an engine. */
  hollowCount?: number;
  launch?: Partial<Launch>;
}>;

export type RigOptions = Readonly<{
  workers?: readonly WorkerOptions[];
  /** Where manager and registry listen. Default: loopback. */
  host?: string;
  /** "default": whatever the program itself takes. */
  leaseMs?: number | "default";
  managerFlags?: readonly string[];
  /** Does not start the roles: the test does. */
  isCold?: boolean;
}>;

/** A cluster of real processes on a real engine, a user of it, and what the user was promised. */
export interface Rig {
  readonly folder: string;
  readonly manager: Role;
  readonly registry: Role;
  readonly workers: readonly Role[];
  readonly workerIds: readonly string[];
  readonly client: Client<typeof ManagerService>;
  readonly history: History;
  readonly docker: Docker;
  /** Submits, and repeats the request until there is an answer. */
  submit(spec: SpecInit): Promise<Task>;
  /** Submits a task that sleeps, and waits until it runs. */
  sleeper(spec?: SpecInit): Promise<Task>;
  sleepers(count: number, spec?: SpecInit): Promise<readonly Task[]>;
  stopTask(taskId: string): Promise<void>;
  /** The task as soon as it is as wanted. */
  task(taskId: string, isWanted: (task: Task) => boolean, patienceMs?: number): Promise<Task>;
  containers(): Promise<readonly Container[]>;
  container(taskId: string): Promise<Container>;
  /** Waits until ledger, history and engine say the same. Throws with all that differs. */
  agrees(): Promise<void>;
  /** Waits until so many workers are ready to take tasks. */
  workersReady(count: number): Promise<void>;
  /** Ends every process, removes every container and file of the rig. */
  stop(): Promise<void>;
}

const CALL_MS = 5_000;

/** A container that ends at once when asked to, and never by itself. */
export const SLEEPER: SpecInit = {
  command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"],
  stopGrace: { seconds: 2n },
};

export const isRunning = ({ state }: Task): boolean => state === TaskState.RUNNING;

/** Default lease of the tests: long beside a busy machine's hiccups, short beside a test. */
const LEASE_MS = 2_000;

/** In the rig's folder, for scripts/fault-sweep.sh: whose containers are still to be removed. */
const WORKERS_FILE = "worker-ids";

let rigCount = 0;

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const folder = mkdtempSync(join(filesFolder(), "berth-faults-"));
  const { registry, manager, workers, workerIds } = await createRoles(options, folder);
  const socketPath = options.workers?.[0]?.socketPath ?? engineSocket();
  const docker = openDocker(socketPath);
  const channel = openChannel({ address: manager.address, clock: systemClock, log: silentLog });
  const client = createClient(ManagerService, channel);
  const history = createHistory();
  const containers = () => containersOf(docker, workerIds);
  const user = createUser(client, history);

  async function untilAgreed(): Promise<void> {
    let differences: readonly string[] = ["nobody was asked"];
    try {
      await eventually("ledger, history and engine agree", async () => {
        differences = await audit({ client, history, containers: await containers() });
        return differences.length === 0;
      });
    } catch (cause) {
      throw new Error(differences.join("\n"), { cause });
    }
  }

  async function stop(): Promise<void> {
    channel.close();
    await Promise.all([...workers, manager, registry].map((role) => role.stop()));
    await removeContainersOf(docker, workerIds);
    rmSync(folder, { recursive: true, force: true });
  }

  const workersReady = async (count: number) =>
    void (await eventually(`${count} workers are ready`, async () => {
      const { cluster } = await client.getCluster({}, { timeoutMs: CALL_MS });
      return cluster?.readyWorkerCount === count;
    }));

  if (!options.isCold) {
    for (const role of [registry, manager, ...workers]) role.start();
    try {
      await workersReady(workerCountOf(options));
    } catch (cause) {
      const logs = [registry, manager, ...workers].map((role) => role.log().slice(-2_000));
      await stop();
      throw new Error(`the rig never was ready\n${logs.join("\n")}`, { cause });
    }
  }
  return {
    folder,
    manager,
    registry,
    workers,
    workerIds,
    client,
    history,
    docker,
    ...user,
    containers,
    async container(taskId) {
      const found = (await containers()).filter((each) => each.taskId === taskId && each.running);
      const [only] = found;
      if (!only || found.length > 1)
        throw new Error(`task ${taskId} has ${found.length} containers`);
      return only;
    },
    agrees: untilAgreed,
    workersReady,
    stop,
  };
}

async function createRoles(options: RigOptions, folder: string) {
  const { host = "127.0.0.1", leaseMs = LEASE_MS, managerFlags = [] } = options;
  const at = async (name: string) => `${name}:${await freePort()}`;
  const beyond = (name: string) => (name === "127.0.0.1" ? [] : ["--insecure"]);
  const launchOf = (flags: readonly string[], changes: Partial<Launch> = {}): Launch => ({
    prefix: [],
    env: {},
    ...changes,
    flags: [...flags, ...(changes.flags ?? [])],
  });
  const registryAddress = await at(host);
  const registry = createRole({
    verb: "registry",
    name: "registry",
    folder,
    address: registryAddress,
    launch: launchOf(["--listen", registryAddress, ...leaseFlags(leaseMs), ...beyond(host)]),
  });
  const state = (name: string) => ["--state-dir", join(folder, name)];
  const join_ = ["--registry", registryAddress];
  const managerAddress = await at(host);
  const manager = createRole({
    verb: "manager",
    name: "manager",
    folder,
    address: managerAddress,
    launch: launchOf([
      ...["--listen", managerAddress, ...join_, ...state("manager"), ...beyond(host)],
      ...managerFlags,
    ]),
  });
  const workers: Role[] = [];
  const workerIds: string[] = [];
  rigCount += 1;
  for (const [i, worker] of (options.workers ?? [{}]).entries()) {
    const { host: workerHost = "127.0.0.1", launch } = worker;
    const name = `worker-${i + 1}`;
    const id = `faults-${process.pid}-${rigCount}-${i + 1}`;
    const address = await at(workerHost);
    const flags = [
      ...["--listen", address, ...join_, ...state(name), ...beyond(workerHost)],
      ...["--worker-id", id, ...runtimeFlags(worker)],
    ];
    workerIds.push(id);
    appendFileSync(join(folder, WORKERS_FILE), `${id}\n`);
    workers.push(
      createRole({ verb: "worker", name, folder, address, launch: launchOf(flags, launch) }),
    );
  }
  return { registry, manager, workers, workerIds };
}

const leaseFlags = (leaseMs: number | "default") =>
  leaseMs === "default"
    ? []
    : ["--lease", `${leaseMs}ms`, "--interval", `${Math.max(100, leaseMs / 4)}ms`];

const runtimeFlags = ({ hollowCount, socketPath = engineSocket() }: WorkerOptions) =>
  hollowCount === undefined
    ? ["--docker-host", `unix://${socketPath}`, "--allow-host-network"]
    : ["--runtime", "hollow", "--count", String(hollowCount)];

const workerCountOf = ({ workers = [{}] }: RigOptions): number =>
  workers.reduce((sum, { hollowCount = 1 }) => sum + hollowCount, 0);

/** So much that no two users are called the same. */
const USER_LENGTH = 10;

/** Somebody who uses a manager, and remembers what they were promised. */
export function createUser(client: Client<typeof ManagerService>, history: History) {
  // Two users of one cluster may make their requests of one number in one millisecond.
  const user = randomWord(systemRandom, USER_LENGTH);
  let requests = 0;
  const nextRequestId = () => `faults-${user}-${++requests}`;

  async function submit(spec: SpecInit): Promise<Task> {
    const requestId = nextRequestId();
    const image = TEST_IMAGE;
    const found = await eventually("a submission is acknowledged", async () => {
      const { task } = await client.submitTask(
        { spec: { image, networkMode: NetworkMode.HOST, ...spec }, requestId },
        { timeoutMs: CALL_MS },
      );
      return task;
    });
    history.noteSubmit(found.id);
    return found;
  }

  const task = (taskId: string, isWanted: (task: Task) => boolean, patienceMs = PATIENCE_MS) => {
    let last: Task | undefined;
    return eventually(
      `task ${taskId} is as wanted`,
      async () => {
        last = (await client.getTask({ taskId }, { timeoutMs: CALL_MS })).task;
        if (last && isWanted(last)) return last;
        throw new Error(
          `it is ${last ? TaskState[last.state] : "nowhere"}: ${last?.waitingReason}`,
        );
      },
      patienceMs,
    );
  };

  async function sleepers(count: number, spec: SpecInit = {}): Promise<readonly Task[]> {
    const all = await Promise.all(
      Array.from({ length: count }, () => submit({ ...SLEEPER, ...spec })),
    );
    return await Promise.all(all.map(({ id }) => task(id, isRunning)));
  }

  return {
    submit,
    task,
    sleepers,
    async sleeper(spec: SpecInit = {}) {
      const { id } = await submit({ ...SLEEPER, ...spec });
      return await task(id, isRunning);
    },
    async stopTask(taskId: string) {
      const requestId = nextRequestId();
      await eventually("a stop is acknowledged", async () => {
        await client.stopTask({ taskId, requestId }, { timeoutMs: CALL_MS });
        return true;
      });
      history.noteStop(taskId);
    },
  };
}
