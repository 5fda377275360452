import { execFile } from "node:child_process";
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { BERTH, startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage } from "./engine.ts";

jest.setTimeout(180_000);

const run = promisify(execFile);
const isRunning = (task: Task) => task.state === TaskState.RUNNING;
const IDLE = { command: ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"] };

let cluster: TestCluster;
let folder: string;

beforeAll(async () => {
  await ensureImage();
  cluster = await startCluster();
  folder = await mkdtemp(join(tmpdir(), "berth-cp-"));
  const { id } = await cluster.submit({ name: "web", ...IDLE });
  await cluster.waitFor(id, isRunning);
});
afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the command in the folder of this test. Answers with what it wrote. */
async function berth(...args: readonly string[]): Promise<string> {
  const flags = [args[0] ?? "", "--addr", cluster.managerAddress, ...args.slice(1)];
  const { stdout, stderr } = await run(process.execPath, [BERTH, ...flags], { cwd: folder });
  return stdout + stderr;
}

const inTask = (script: string) => berth("exec", "web", "--", "sh", "-c", script);

async function makeSite(): Promise<void> {
  const site = join(folder, "site");
  await rm(site, { recursive: true, force: true });
  await mkdir(join(site, "sub"), { recursive: true });
  await writeFile(join(site, "index.html"), "hello\n", { mode: 0o640 });
  await writeFile(join(site, "sub", "run"), "x".repeat(2_000_000), { mode: 0o755 });
  await symlink("../index.html", join(site, "sub", "link"));
}

test("a folder goes into a container and back, with permissions and links", async () => {
  await makeSite();
  expect(await berth("cp", "site", "web:/site")).toMatch(/^copied 1\.9 MiB to web:\/site\n$/);
  expect(
    await inTask("cat /site/sub/link; busybox stat -c %a /site/index.html /site/sub/run"),
  ).toBe("hello\n640\n755\n");
  await berth("cp", "-q", "web:/site", "back");
  expect((await readdir(join(folder, "back"))).sort()).toEqual(["index.html", "sub"]);
  expect(await readlink(join(folder, "back/sub/link"))).toBe("../index.html");
  expect((await lstat(join(folder, "back/sub/run"))).mode & 0o777).toBe(0o755);
  expect((await lstat(join(folder, "back/sub/run"))).size).toBe(2_000_000);
});

test("into a folder that is there; its content alone with /.; a file under another name", async () => {
  await makeSite();
  await berth("cp", "site", "web:/tmp");
  await berth("cp", "site/.", "web:/tmp/");
  await berth("cp", "site/index.html", "web:tmp/other.html");
  expect(await inTask("cat /tmp/site/index.html /tmp/index.html /tmp/other.html")).toBe(
    "hello\nhello\nhello\n",
  );
  await mkdir(join(folder, "there"));
  await berth("cp", "web:/tmp/site", "there");
  await berth("cp", "web:/tmp/site/.", "there");
  expect((await readdir(join(folder, "there"))).sort()).toEqual(["index.html", "site", "sub"]);
});

test("through links in the container, which lead nowhere but within it", async () => {
  await inTask(
    "busybox ln -sfn /tmp/real /tmp/way; busybox mkdir -p /tmp/real; echo 1 >/tmp/real/one",
  );
  await makeSite();
  await berth("cp", "site/index.html", "web:/tmp/way");
  expect(await inTask("cat /tmp/real/index.html")).toBe("hello\n");
  await berth("cp", "web:/tmp/way", "as-link");
  expect(await readlink(join(folder, "as-link"))).toBe("/tmp/real");
  await berth("cp", "-L", "web:/tmp/way", "as-folder");
  expect(await readFile(join(folder, "as-folder/one"), "utf8")).toBe("1\n");
});

test("as an archive, on standard input and output", async () => {
  await makeSite();
  const cp = `${process.execPath} ${BERTH} cp --addr ${cluster.managerAddress}`;
  await run("sh", ["-c", `tar -cC site . | ${cp} - web:/tmp/real`], { cwd: folder });
  const { stdout } = await run("sh", ["-c", `${cp} web:/tmp/real - | tar -t | sort`], {
    cwd: folder,
  });
  expect(stdout).toContain("real/sub/link\n");
});

test("of a task that has ended; not into what is no folder", async () => {
  const { id } = await cluster.submit({ name: "ended", command: ["sh", "-c", "echo 7 >/result"] });
  await cluster.waitFor(id, (task) => task.state === TaskState.COMPLETED);
  await berth("cp", "ended:/result", ".");
  expect(await readFile(join(folder, "result"), "utf8")).toBe("7\n");
  await makeSite();
  await expect(berth("cp", "site", "web:/bin/sh")).rejects.toMatchObject({
    ...{ code: 1, stderr: expect.stringContaining("error: web:/bin/sh is no folder") },
  });
});
