import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { isTerminal } from "../../core/task-state.ts";
import { type CrashReport, CrashReportSchema } from "../../gen/berth/v1/crash_report_pb.ts";
import {
  FailureReason,
  PullPolicy,
  RestartMode,
  type Task,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { BERTH, startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage, openEngine } from "./engine.ts";

jest.setTimeout(120_000);

let cluster: TestCluster;
beforeAll(async () => {
  await ensureImage();
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

const hasEnded = (task: Task) => isTerminal(task.state);
const shell = (script: string) => ({ command: ["sh", "-c", script] });

/** The report of a task that runs to its bad end. */
async function crash(spec: Parameters<TestCluster["submit"]>[0]): Promise<CrashReport> {
  const { id } = await cluster.submit(spec);
  await cluster.waitFor(id, hasEnded);
  return latestReport(id);
}

async function latestReport(taskId: string): Promise<CrashReport> {
  const { reports } = await cluster.client.listCrashReports({ taskId });
  const [report] = reports;
  if (!report) throw new Error(`task ${taskId} has no crash report`);
  expect(toBinary(CrashReportSchema, report).length).toBeLessThan(8 * 1024);
  return report;
}

const linesOf = ({ evidence }: CrashReport) => evidence?.lines.map(({ text }) => text);

test("exit code 3 is told with what the process wrote last", async () => {
  const report = await crash(
    // The engine reads the two streams apart: without the pause their order is a matter of luck.
    shell("for i in $(seq 40); do echo line $i; done; sleep 0.3; echo no >&2; exit 3"),
  );
  expect(report).toMatchObject({
    cause: "ended by itself with exit code 3",
    exitCode: 3,
    failure: { reason: FailureReason.EXITED },
    workerId: cluster.workerId,
  });
  expect(report.evidence?.lines).toHaveLength(30);
  expect(report.evidence?.hasEarlierLines).toBe(true);
  expect(new Set(linesOf(report)?.slice(-5))).toContain("line 40");
  expect(linesOf(report)).toContain("no");
});

test("a signal is told by its name", async () => {
  // The first process of a container is safe from signals without a handler: its child is not.
  const report = await crash(shell("sh -c 'kill -SEGV $$'; exit $?"));
  expect(report.cause).toBe("was ended by signal 11 (SIGSEGV)");
  expect(report.failure?.signal).toBe(11);
  expect(linesOf(report)).toEqual(["Segmentation fault"]);
});

test("a kill from outside is not taken for want of the task's own memory", async () => {
  const limit = { memoryBytes: 64n * 1024n * 1024n };
  const { id } = await cluster.submit({ ...shell("echo up; sleep 300"), limit });
  await cluster.waitFor(id, ({ state }) => state === TaskState.RUNNING);
  const label = [`dev.berth.task=${id}`];
  const engine = openEngine();
  for (const { Id } of await engine.listContainers({ filters: { label } }))
    await engine.getContainer(Id).kill({ signal: "SIGKILL" });
  await cluster.waitFor(id, hasEnded);
  const report = await latestReport(id);
  expect(report.cause).toContain("was killed (signal 9, SIGKILL), not for its own memory limit");
  expect(linesOf(report)).toEqual(["up"]);
});

/** Again and again: the engine watches a container's memory only from some time after its start. */
const GREED = "dd if=/dev/zero of=/dev/null bs=200M";
const GREEDY = `for i in 1 2 3; do ${GREED}; sleep 0.5; done; exec ${GREED}`;

test("want of memory is told with the limit and what was used before", async () => {
  const memoryBytes = 16n * 1024n * 1024n;
  const report = await crash({ ...shell(GREEDY), limit: { memoryBytes } });
  expect(report.failure?.reason).toBe(FailureReason.OOM_KILLED);
  expect(report.cause).toMatch(
    /^was killed by the kernel for want of memory at its limit of 16 MiB/,
  );
  expect(report.memoryLimitBytes).toBe(memoryBytes);
  const usage = report.evidence?.usage ?? [];
  expect(usage.length).toBeGreaterThan(0);
  for (const { memoryBytes: used } of usage) expect(used).toBeLessThanOrEqual(memoryBytes);
});

test("an image that is nowhere is told in the engine's words, and nothing was left behind", async () => {
  const report = await crash({ image: "nowhere:1", pullPolicy: PullPolicy.NEVER });
  expect(report.failure?.reason).toBe(FailureReason.IMAGE_NOT_FOUND);
  expect(report.cause).toMatch(/^failed: image not found: .*nowhere:1/);
  expect([report.evidence, report.evidenceNote]).toEqual([undefined, "it never had a container"]);
});

test("a command that is not there is told in the engine's words", async () => {
  const report = await crash({ command: ["/no/such/command"] });
  expect(report.cause).toContain("failed: start failed: ");
  expect(report.cause).toContain("/no/such/command");
});

test("a failed liveness probe is told with its last words, and with what the process wrote", async () => {
  const report = await crash({
    ...shell("echo here I am; sleep 300"),
    stopGrace: { seconds: 0n },
    livenessProbe: {
      check: { case: "exec", value: { command: ["sh", "-c", "echo database gone; exit 1"] } },
      interval: { nanos: 2e8 },
      failureThreshold: 2,
    },
  });
  expect(report.failure?.reason).toBe(FailureReason.UNHEALTHY);
  expect(report.cause).toContain("was ended because a probe failed for good: ");
  expect(report.cause).toContain("database gone");
  expect(linesOf(report)).toEqual(["here I am"]);
});

test("what has changed since a task of the name completed is told, and no secret is", async () => {
  const name = "nightly";
  const good = await cluster.submit({ name, ...shell("exit 0"), env: { PASSWORD: "tomato" } });
  await cluster.waitFor(good.id, hasEnded);
  const report = await crash({ name, ...shell("exit 4"), env: { PASSWORD: "potato" } });
  expect(report.goodRun).toMatchObject({ taskId: good.id, attempt: 1 });
  expect(report.goodRun?.imageId).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(report.goodRun?.engine).toMatch(/^docker /);
  expect(report.changes.map(({ path, before, after }) => `${path}: ${before} > ${after}`)).toEqual([
    'spec.command: ["sh","-c","exit 0"] > ["sh","-c","exit 4"]',
    "spec.env.PASSWORD: a value > another value",
  ]);
});

test("reports outlive container, worker and manager, and restarts keep those before", async () => {
  const { id } = await cluster.submit({
    ...shell("echo attempt; exit 5"),
    restartPolicy: { mode: RestartMode.ON_FAILURE, restartsMax: 2, backoffFirst: { nanos: 1e8 } },
  });
  await cluster.waitFor(id, (task) => hasEnded(task) && task.attempt?.number === 3);
  await latestReport(id);
  await cluster.crash("worker");
  await cluster.crash("manager");
  const engine = openEngine();
  const label = [`dev.berth.task=${id}`];
  for (const { Id } of await engine.listContainers({ all: true, filters: { label } }))
    await engine.getContainer(Id).remove({ force: true });
  cluster.start("manager");
  const task = await cluster.waitFor(id, hasEnded);
  expect(task.pastAttempts).toHaveLength(2);
  const { reports } = await cluster.client.listCrashReports({ taskId: id });
  expect(
    reports.map((report) => [report.attempt, report.exitCode, ...(linesOf(report) ?? [])]),
  ).toEqual([3, 2, 1].map((attempt) => [attempt, 5, "attempt"]));
  cluster.start("worker");
});

test("inspect shows it to people, plain HTTP gives it to programs", async () => {
  const { id } = await cluster.submit({ name: "shown", ...shell("echo last words >&2; exit 6") });
  await cluster.waitFor(id, hasEnded);
  const flags = ["inspect", id, "--addr", cluster.managerAddress];
  const { stdout } = await promisify(execFile)(process.execPath, [BERTH, ...flags]);
  expect(stdout).toContain("Crash report of attempt 1");
  expect(stdout).toContain("ended by itself with exit code 6");
  expect(stdout).toContain("! last words");
  const answer = await fetch(`http://${cluster.managerAddress}/tasks/${id}/crash-reports`);
  const { reports } = (await answer.json()) as { reports: { cause: string; finishTime: string }[] };
  expect(reports.map(({ cause }) => cause)).toEqual(["ended by itself with exit code 6"]);
  expect(timestampFromMs(Date.parse(reports[0]?.finishTime ?? "")).seconds).toBeGreaterThan(0n);
});
