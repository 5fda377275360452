import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { type Channel, openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { freePort } from "../free-port.ts";

const BERTH = new URL("../../bin/berth", import.meta.url).pathname;

/** No worker is lost here because the machine is busy. */
const PATIENT = ["--lease", "120s"];

export type ManagerClient = Client<typeof ManagerService>;

/** A manager as a process of its own. */
export interface ManagerProcess {
  readonly address: string;
  readonly client: ManagerClient;
  /** At once, without a word; resolves when it is gone. */
  kill(): Promise<void>;
  /** Stops time for it, until `resume`. */
  pause(): void;
  resume(): void;
  start(): Promise<void>;
  isUp(): boolean;
  log(): string;
}

/** Managers, and workers without containers, that share one etcd. */
export interface Fleet {
  /** `endpoint`: how this one reaches etcd. */
  addManager(endpoint: string): Promise<ManagerProcess>;
  /** Where its registry is, or will be. */
  readonly registry: string;
  /** A registry and `count` hollow workers. */
  addWorkers(count: number): Promise<void>;
  /** Kills everything and removes what it wrote. */
  close(): Promise<void>;
}

export async function createFleet(): Promise<Fleet> {
  const folder = await mkdtemp(join(tmpdir(), "berth-fleet-"));
  const registry = `127.0.0.1:${await freePort()}`;
  const processes: ChildProcess[] = [];
  const channels: Channel[] = [];

  async function run(name: string, args: readonly string[]): Promise<ChildProcess> {
    const file = await open(join(folder, `${name}.log`), "a");
    const child = spawn(BERTH, args, { stdio: ["ignore", file.fd, file.fd] });
    await file.close();
    processes.push(child);
    return child;
  }

  async function addManager(endpoint: string): Promise<ManagerProcess> {
    const address = `127.0.0.1:${await freePort()}`;
    const name = `manager-${address.split(":")[1]}`;
    const flags = ["--listen", address, "--registry", registry, "--store", `etcd://${endpoint}`];
    const begin = () => run(name, ["manager", ...flags, ...PATIENT]);
    let child = await begin();
    const timeouts = { timeoutMs: 30_000, connectMs: 30_000 };
    const channel = openChannel({ address, clock: systemClock, log: silentLog, ...timeouts });
    channels.push(channel);
    return {
      address,
      client: createClient(ManagerService, channel),
      kill: () => ended(child),
      pause: () => void child.kill("SIGSTOP"),
      resume: () => void child.kill("SIGCONT"),
      async start() {
        child = await begin();
      },
      isUp: () => isUp(child),
      log: () => readFileSync(join(folder, `${name}.log`), "utf8"),
    };
  }

  return {
    registry,
    addManager,
    async addWorkers(count) {
      await run("registry", ["registry", "--listen", registry, ...PATIENT]);
      if (count === 0) return;
      const hollow = ["--runtime", "hollow", "--count", String(count), "--worker-id", "hollow"];
      const listen = `127.0.0.1:${await freePort()}`;
      await run("workers", ["worker", ...hollow, "--listen", listen, "--registry", registry]);
    },
    async close() {
      for (const channel of channels) channel.close();
      await Promise.all(processes.map(ended));
      await rm(folder, { recursive: true });
    },
  };
}

const isUp = ({ exitCode, signalCode }: ChildProcess): boolean =>
  exitCode === null && signalCode === null;

async function ended(child: ChildProcess): Promise<void> {
  if (!isUp(child)) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
