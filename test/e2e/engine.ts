import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import Docker from "dockerode";
import { engineSocketPath } from "../../services/worker/engine-socket.ts";
import type { Owner } from "../../services/worker/runtime.ts";

const run = promisify(execFile);

/** The image that e2e tests run: busybox and nothing else. */
export const TEST_IMAGE = "berth-test/busybox:1";

/** The engine's socket. Throws where the tests have none: a test that needs one is never skipped. */
export function engineSocket(): string {
  const dockerHost = process.env["DOCKER_HOST"];
  if (!dockerHost) {
    throw new Error(
      "these tests need a Docker engine: set DOCKER_HOST=unix:///path/to/docker.sock",
    );
  }
  return engineSocketPath(dockerHost);
}

/** The engine by another way than the one under test. */
export const openEngine = (): Docker => new Docker({ socketPath: engineSocket() });

/** Makes the test image where it is missing. Needs no registry. */
export async function ensureImage(): Promise<string> {
  const engine = openEngine();
  const found = await engine.listImages({ filters: { reference: [TEST_IMAGE] } });
  if (found.length === 0) await importImage(engine);
  return TEST_IMAGE;
}

/** Removes every container of an owner, by force. */
export async function removeContainers({ clusterId, workerId }: Owner): Promise<void> {
  const engine = openEngine();
  const label = [`dev.berth.cluster=${clusterId}`, `dev.berth.worker=${workerId}`];
  const found = await engine.listContainers({ all: true, filters: { label } });
  await Promise.all(
    found.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true })),
  );
}

const COMMANDS = "sh sleep httpd echo cat ls true false kill trap wget nc dd yes seq head tail id";

async function importImage(engine: Docker): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "berth-image-"));
  try {
    const { stdout } = await run("tar", ["-C", await makeRootFolder(root), "-c", "."], {
      encoding: "buffer",
      maxBuffer: 64 * 1024 * 1024,
    });
    const [repo, tag] = TEST_IMAGE.split(":");
    const answer = await engine.importImage(Readable.from([stdout]), { repo, tag });
    await new Promise((resolve, reject) => {
      engine.modem.followProgress(answer, (error, result) =>
        error ? reject(error) : resolve(result),
      );
    });
  } finally {
    await rm(root, { recursive: true });
  }
}

async function makeRootFolder(root: string): Promise<string> {
  await mkdir(join(root, "bin"));
  await mkdir(join(root, "tmp"), { mode: 0o1777 });
  await cp(await busyboxPath(), join(root, "bin/busybox"));
  for (const command of COMMANDS.split(" ")) await symlink("busybox", join(root, "bin", command));
  return root;
}

async function busyboxPath(): Promise<string> {
  try {
    const { stdout } = await run("sh", ["-c", "command -v busybox"]);
    return stdout.trim();
  } catch (cause) {
    throw new Error("the test image is made of busybox: install busybox-static", { cause });
  }
}
