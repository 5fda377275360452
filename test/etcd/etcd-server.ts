import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../lib/clock.ts";
import { freePort } from "../free-port.ts";

/** A real etcd of one member, with its data in a temporary folder. */
export interface EtcdServer {
  /** `host:port`. */
  readonly endpoint: string;
  /** As a power cut: without a word. Resolves when it is dead. */
  kill(): Promise<void>;
  /** After `kill`: with the same data, at the same place. Resolves when it serves. */
  start(): Promise<void>;
  /** After `kill`: removes its data. */
  forget(): Promise<void>;
  /** Stops time for it, as a hanging disk or machine would, until `resume`. */
  pause(): void;
  resume(): void;
  /** Kills it and removes its data. */
  remove(): Promise<void>;
}

type Options = Readonly<{
  /** Where its folder is made. */
  parent?: string;
  flags?: readonly string[];
  /** With certificates of which it serves TLS. */
  tls?: Readonly<{ certificate: string; key: string; ca: string }>;
}>;

/** Starts an etcd on free ports. Throws what it said when it does not serve. */
export async function startEtcd(options: Options = {}): Promise<EtcdServer> {
  const { flags = [], tls, parent = tmpdir() } = options;
  const folder = await mkdtemp(join(parent, "berth-etcd-"));
  const [port, peerPort] = [await freePort(), await freePort()];
  const scheme = tls ? "https" : "http";
  const args = [
    ...["--name", "only", "--data-dir", join(folder, "data")],
    ...["--listen-client-urls", `${scheme}://127.0.0.1:${port}`],
    ...["--advertise-client-urls", `${scheme}://127.0.0.1:${port}`],
    ...["--listen-peer-urls", `http://127.0.0.1:${peerPort}`],
    ...["--initial-advertise-peer-urls", `http://127.0.0.1:${peerPort}`],
    ...["--initial-cluster", `only=http://127.0.0.1:${peerPort}`],
    ...(tls ? ["--cert-file", tls.certificate, "--key-file", tls.key] : []),
    ...(tls ? ["--trusted-ca-file", tls.ca, "--client-cert-auth"] : []),
    ...["--logger", "zap", "--log-outputs", "stderr", ...flags],
  ];
  let child = await serving(args);
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  };
  return {
    endpoint: `127.0.0.1:${port}`,
    kill,
    async start() {
      child = await serving(args);
    },
    forget: () => rm(join(folder, "data"), { recursive: true }),
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async remove() {
      await kill();
      await rm(folder, { recursive: true });
    },
  };
}

const READY = /ready to serve client requests|serving client traffic/;

/** Resolves when it says that it serves. */
async function serving(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn("etcd", args, { stdio: ["ignore", "ignore", "pipe"], env: environment() });
  let said = "";
  let isReady = false;
  child.on("error", (error) => {
    said += `${error.message}: is etcd-server installed? see scripts/etcd-server.sh`;
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    if (isReady) return;
    said += chunk.toString();
    isReady = READY.test(said);
  });
  while (!isReady) {
    if (child.exitCode !== null || child.pid === undefined)
      throw new Error(`etcd did not start: ${said.slice(-2_000)}`);
    await systemClock.sleep(10);
  }
  return child;
}

/** etcd reads its flags from the environment too. */
function environment(): NodeJS.ProcessEnv {
  const foreign = ([name]: [string, unknown]) => !name.startsWith("ETCD_");
  return Object.fromEntries(Object.entries(process.env).filter(foreign));
}
