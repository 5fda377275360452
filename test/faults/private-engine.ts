import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { systemClock } from "../../lib/clock.ts";
import { ensureImage, openEngine, TEST_IMAGE } from "../e2e/engine.ts";
import { openDocker } from "./containers.ts";
import { eventually } from "./eventually.ts";
import { type Program, startProgram, tailOf } from "./program.ts";
import { tool } from "./shell.ts";
import { filesFolder } from "./traces.ts";

/** A Docker engine of a test's own, to be killed and frozen. */
export interface PrivateEngine {
  readonly socketPath: string;
  start(): Promise<void>;
  /** kill -9 of dockerd. */
  kill(): Promise<void>;
  /** Asks dockerd to end and waits. */
  stop(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Ends everything and removes every trace. */
  destroy(): Promise<void>;
}

/** How long dockerd may take to end its containers and itself. */
const STOP_MS = 20_000;

type Options = Readonly<{ liveRestore: boolean }>;

export async function startPrivateEngine({ liveRestore }: Options): Promise<PrivateEngine> {
  const folder = mkdtempSync(join(filesFolder(), "berth-dockerd-"));
  const socketPath = join(folder, "d.sock");
  const logFile = join(folder, "dockerd.log");
  let dockerd: Program | undefined;
  // In a network namespace of its own: a dockerd without a bridge removes the one named docker0,
  // which may be that of the machine's own engine.
  const command = [
    ...["unshare", "--net", "dockerd"],
    ...["-H", `unix://${socketPath}`, "--data-root", join(folder, "data")],
    ...["--exec-root", join(folder, "exec"), "-p", join(folder, "dockerd.pid")],
    ...["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"],
    ...(liveRestore ? ["--live-restore"] : []),
  ];

  async function start(): Promise<void> {
    for (const file of ["dockerd.pid", CONTAINERD_PID]) rmSync(join(folder, file), { force: true });
    dockerd = startProgram({ command, logFile });
    try {
      await Promise.race([
        eventually("the engine answers", () => openDocker(socketPath).ping(), 60_000),
        dockerd.ended.then(({ code }) => Promise.reject(new Error(`it ended with code ${code}`))),
      ]);
    } catch (cause) {
      throw new Error(`dockerd did not start:\n${tailOf(logFile)}`, { cause });
    }
  }

  async function stop(): Promise<void> {
    if (!dockerd?.isAlive()) return;
    dockerd.signal("SIGCONT");
    dockerd.signal("SIGTERM");
    const patience = new AbortController();
    await Promise.race([dockerd.ended, systemClock.sleep(STOP_MS, patience.signal)]);
    patience.abort();
    await dockerd.kill();
  }

  async function destroy(): Promise<void> {
    await stop();
    killLeftBehind(folder);
    await unmountUnder(folder);
    rmSync(folder, { recursive: true, force: true });
  }

  try {
    await start();
    await copyImage(socketPath);
  } catch (error) {
    await destroy();
    throw error;
  }
  return {
    socketPath,
    start,
    stop,
    destroy,
    async kill() {
      await dockerd?.kill();
      // The kernel kills containerd with it, a moment later: a dockerd started before that would
      // take it for alive and wait for it in vain.
      await eventually("containerd is gone", async () => !isContainerdAlive(folder));
    },
    freeze: () => dockerd?.signal("SIGSTOP"),
    thaw: () => dockerd?.signal("SIGCONT"),
  };
}

const CONTAINERD_PID = "exec/containerd/containerd.pid";

/** A process that is dead and not yet reaped has no command line. */
function isContainerdAlive(folder: string): boolean {
  try {
    const pid = readFileSync(join(folder, CONTAINERD_PID), "utf8").trim();
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder);
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

async function copyImage(socketPath: string): Promise<void> {
  await ensureImage();
  const image = await openEngine().getImage(TEST_IMAGE).get();
  const answer = await openDocker(socketPath).loadImage(image);
  await pipeline(answer, async (parts) => {
    for await (const _ of parts);
  });
}

/** Ends shims and containerd of a dockerd that is gone: their command lines name its folder. */
function killLeftBehind(folder: string): void {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      if (words.includes(folder)) killTree(Number(pid));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** A shim's children are the containers. */
function killTree(pid: number): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  for (const child of children.split(" ").filter(Boolean)) process.kill(Number(child), "SIGKILL");
  process.kill(pid, "SIGKILL");
}

const isGone = (error: unknown) =>
  typeof error === "object" &&
  error !== null &&
  "code" in error &&
  ["ENOENT", "ESRCH"].includes(String(error.code));

async function unmountUnder(folder: string): Promise<void> {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => line.split(" ")[4] ?? [])
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of points.reverse()) await tool("umount", "-l", point);
}
