import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type Docker from "dockerode";
import { systemClock } from "../../lib/clock.ts";
import { healthCheck } from "../../lib/rpc/health-check.ts";
import { engineSocket, openEngine } from "../e2e/engine.ts";
import { freePort } from "../free-port.ts";

const run = promisify(execFile);
const ROOT = new URL("../..", import.meta.url).pathname;

/** Variables of docker-compose.yml that say where its services listen. */
const PORTS = [
  ...["ETCD", "ETCD_PEER", "MANAGER_1", "MANAGER_2", "REGISTRY_1", "REGISTRY_2"],
  ...["WORKER_1", "WORKER_2", "WORKER_3"],
];
const MANAGERS = ["1", "2"];
const WORKERS = ["1", "2", "3"];

/** How long a test waits for something that should take a moment: the machine may be busy. */
const PATIENCE_MS = 120_000;
const PAUSE_MS = 200;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** The cluster that `make cluster` starts, beside others on the same engine. */
export interface ComposeCluster {
  /** Where each manager listens, by the name of its service. */
  readonly managers: ReadonlyMap<string, string>;
  /** Names of the workers, as the manager knows them. */
  readonly workerIds: readonly string[];
  /** Runs the `berth` command, against the first manager, and answers with what it printed. */
  berth(...args: readonly string[]): Promise<string>;
  /** The services' containers, and those of the tasks. */
  containers(): Promise<readonly Docker.ContainerInspectInfo[]>;
  services(): Promise<readonly Docker.ContainerInspectInfo[]>;
  /** Resolves once a service answers that it serves. */
  untilServing(service: string): Promise<void>;
  up(): Promise<void>;
  down(): Promise<void>;
}

/** A cluster that is not up yet. */
export async function prepareCompose(): Promise<ComposeCluster> {
  const engine = openEngine();
  const project = `berth-e2e-${process.pid}`;
  const ports = await Promise.all(PORTS.map(async (name) => [name, await freePort()] as const));
  const settings = Object.fromEntries(ports.map(([name, port]) => [`BERTH_${name}_PORT`, port]));
  const managers = new Map(
    MANAGERS.map((it) => [`manager-${it}`, `127.0.0.1:${settings[`BERTH_MANAGER_${it}_PORT`]}`]),
  );
  const workerIds = WORKERS.map((number) => `${project}-${number}`);
  const env = {
    ...process.env,
    ...settings,
    DOCKER_HOST: `unix://${engineSocket()}`,
    COMPOSE_PROJECT_NAME: project,
    BERTH_ADDR: managers.get("manager-1"),
    BERTH_BASE: "local",
    BERTH_ETCD: "local",
    BERTH_HEALTH_INTERVAL: "4s",
    // A worker is started anew by hand here, and this machine may be slow.
    BERTH_LEASE: "10m",
  };
  const call = async (file: string, args: readonly string[]) =>
    (await run(join(ROOT, file), [...args], { env, maxBuffer: OUTPUT_BYTES_MAX })).stdout;

  async function labelled(...labels: readonly string[]) {
    const filters = (label: string) => ({ all: true, filters: { label: [label] } });
    const lists = await Promise.all(labels.map((it) => engine.listContainers(filters(it))));
    return Promise.all(lists.flat().map(({ Id }) => engine.getContainer(Id).inspect()));
  }

  const ofProject = `com.docker.compose.project=${project}`;
  return {
    managers,
    workerIds,
    berth: (...args) => call("bin/berth", args),
    services: () => labelled(ofProject),
    containers: () => labelled(ofProject, ...workerIds.map((id) => `dev.berth.worker=${id}`)),
    untilServing: (service) => {
      const port = Number(settings[`BERTH_${service.toUpperCase().replace("-", "_")}_PORT`]);
      return until(() => (service === "etcd" ? etcdServes(port) : serves(port)));
    },
    up: async () => void (await call("scripts/cluster.sh", ["up"])),
    down: async () => void (await call("scripts/cluster.sh", ["down"])),
  };
}

/** As `berth health` asks, without a process of its own. */
async function serves(port: number): Promise<boolean> {
  const question = { host: "127.0.0.1", port, service: "", timeoutMs: 2_000 };
  const { signal } = new AbortController();
  return (await healthCheck(question, { clock: systemClock, signal })).kind === "passed";
}

const etcdServes = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/health`).then(
    (answer) => answer.ok,
    () => false,
  );

/** Resolves once it is so. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + PATIENCE_MS;
  while (!(await isSo())) {
    if (systemClock.monotonic() > deadline) throw new Error(`not so in ${PATIENCE_MS} ms: ${isSo}`);
    await systemClock.sleep(PAUSE_MS);
  }
}
