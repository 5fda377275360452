import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { parse } from "yaml";
import { BERTH, startCluster, type TestCluster } from "./cluster.ts";

jest.setTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), "berth-command-"));
let cluster: TestCluster;
beforeAll(async () => {
  // No worker: what is said of a task here is said before it is placed.
  cluster = await startCluster({ roles: ["registry", "manager"] });
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the command as it is installed, bundled. */
async function berth(args: readonly string[], input = "") {
  const env = { ...process.env, BERTH_ADDR: cluster.managerAddress };
  const child = spawn(BERTH, args, { env });
  child.stdin.end(input);
  const code = new Promise((resolve) => child.once("exit", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { stdout, stderr, code: await code };
}

function fileOf(content: string): string {
  const path = join(folder, "tasks.yaml");
  writeFileSync(path, content);
  return path;
}

test("what a dry run prints can be run as a file, through a pipe", async () => {
  const printed = await berth(["run", "--dry-run", "-m", "64m", "--stop-timeout", "90s", "nginx"]);
  expect(parse(printed.stdout)).toMatchObject({ image: "nginx", stopGrace: "90s" });
  const started = await berth(["run", "-f", "-", "-o", "yaml"], printed.stdout);
  expect(started).toMatchObject({ stderr: "", code: 0 });
  const [task] = parse(started.stdout);
  expect(task.spec).toMatchObject({ limit: { memoryBytes: String(64 << 20) }, stopGrace: "90s" });
  await cluster.client.removeTask({ taskId: task.id, force: true });
});

test("what the manager refuses of a file has its line and column", async () => {
  const path = fileOf("- image: redis\n- image: nginx\n  ports:\n    - containerPort: 0\n");
  for (const verb of ["run", "plan"]) {
    const { stderr, code } = await berth([
      verb,
      "--file",
      path,
      ...(verb === "run" ? ["--dry-run"] : []),
    ]);
    expect(stderr).toContain(`${path}:4:7: ports[0].container_port: is 0: must be 1 to 65535`);
    expect(code).toBe(64);
  }
});

test("a submit over HTTP tells of every field what was taken", async () => {
  const response = await fetch(`http://${cluster.managerAddress}/tasks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ spec: { image: "nginx" }, validateOnly: true }),
  });
  const { fieldReport } = (await response.json()) as {
    fieldReport: { fields: { path: string; origin: string; meaning: string }[] };
  };
  const told = Object.fromEntries(fieldReport.fields.map((field) => [field.path, field]));
  expect(told["spec.image"]).toMatchObject({ origin: "FIELD_ORIGIN_REQUEST", meaning: "" });
  expect(told["spec.limit.pids"]).toMatchObject({ origin: "FIELD_ORIGIN_MANAGER", meaning: "512" });
  expect(told["spec.user"]).toMatchObject({ origin: "FIELD_ORIGIN_IMAGE" });
});

test("a file of variables is the container's: Node, which has a flag of that name, reads none", async () => {
  const path = join(folder, "web.env");
  writeFileSync(path, "NODE_OPTIONS=--no-such-option\nMODE=prod\n");
  const printed = await berth(["run", "--dry-run", "--env-file", path, "nginx"]);
  expect(parse(printed.stdout).env).toMatchObject({
    NODE_OPTIONS: "--no-such-option",
    MODE: "prod",
  });
  const none = join(folder, "none.env");
  expect(await berth(["run", "--env-file", none, "nginx"])).toMatchObject({
    stderr: `error: --env-file ${none}: there is no such file: name one that is there\n`,
    code: 64,
  });
});

test("a template is filled from the answer", async () => {
  const { stdout } = await berth(["cluster", "--format", "{{.defaultScheduler}} {{.workerCount}}"]);
  expect(stdout).toBe("spread 0\n");
});
