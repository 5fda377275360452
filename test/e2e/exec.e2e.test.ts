import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { BERTH, startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage } from "./engine.ts";
import { openScreen, type Screen } from "./screen.ts";

jest.setTimeout(180_000);

const run = promisify(execFile);
const isRunning = (task: Task) => task.state === TaskState.RUNNING;
const IDLE = { command: ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"] };

let cluster: TestCluster;
let taskId: string;
let screen: Screen;

beforeAll(async () => {
  await ensureImage();
  cluster = await startCluster();
  ({ id: taskId } = await cluster.submit({ name: "web", ...IDLE }));
  await cluster.waitFor(taskId, isRunning);
});
afterAll(() => cluster?.stop());
beforeEach(async () => {
  screen = await openScreen();
});
afterEach(() => screen?.close());

const berth = (...args: readonly string[]) => [
  process.execPath,
  BERTH,
  "exec",
  "--addr",
  cluster.managerAddress,
  ...args,
];

/** Opens a shell in the container, at the screen. */
async function openShell(before = "exec"): Promise<void> {
  const command = berth("-it", "-e", "PS1=in-it:", taskId, "sh").join(" ");
  await screen.enter("before=$(stty -g)");
  await screen.enter(`sh -c '${before} ${command}'; echo code=$?`);
  await screen.until(/^in-it:/);
}

test("a shell at a real terminal knows its size, and each that it comes to have", async () => {
  await openShell();
  await screen.enter("busybox stty size");
  await screen.until(new RegExp(`^${await screen.size()}$`));
  await screen.resize(133, 41);
  const wanted = await screen.size();
  expect(wanted).toContain("133");
  // The shell hears of it a bit later than the screen.
  await screen.enter(`until [ "$(busybox stty size)" = "${wanted}" ]; do sleep 0.1; done`);
  await screen.enter("busybox stty size");
  await screen.until(new RegExp(`^${wanted}$`));
});

test("keys go to the process, Ctrl-C too; its exit code is ours, and the terminal is put back", async () => {
  await openShell();
  await screen.enter("sleep 1000");
  await screen.keys("C-c");
  await screen.enter("echo still $((40 + 2))");
  await screen.until(/^still 42$/);
  await screen.enter("exit 7");
  await screen.until(/^code=7$/);
  await expectSane();
});

test("the keys to leave leave the process alone", async () => {
  await openShell();
  await screen.keys("C-p", "C-q");
  await screen.until(/^left: the process may go on in task/);
  await screen.until(/^code=0$/);
  await expectSane();
});

test("a client that is told to end puts the terminal back", async () => {
  const folder = await mkdtemp(join(tmpdir(), "berth-exec-"));
  await openShell(`echo $$ >${folder}/pid; exec`);
  process.kill(Number(await readFile(join(folder, "pid"), "utf8")), "SIGTERM");
  await rm(folder, { recursive: true });
  await screen.until(/^code=130$/);
  await expectSane();
});

/** The terminal is set as it was before. */
async function expectSane(): Promise<void> {
  await screen.enter('[ "$before" = "$(stty -g)" ] && echo all is as it was');
  await screen.until(/^all is as it was$/);
}

test("what is piped goes through it, megabytes and all", async () => {
  const [command = "", ...args] = berth("-i", taskId, "--", "cat");
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const sent = Buffer.alloc(3_000_000, "0123456789");
  child.stdin.end(sent);
  const parts: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  const [code] = await once(child, "close");
  expect(code).toBe(0);
  expect(Buffer.concat(parts).equals(sent)).toBe(true);
});

test("what cannot be run ends as docker's would, and says why", async () => {
  const [command = "", ...args] = berth(taskId, "no-such-program");
  const failure = await run(command, args).catch((error: unknown) => error);
  expect([126, 127]).toContain((failure as { code: number }).code);
  expect((failure as { stdout: string }).stdout).toContain("no-such-program");
});
