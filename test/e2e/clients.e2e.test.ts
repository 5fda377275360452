import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../lib/clock.ts";
import { startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage, TEST_IMAGE } from "./engine.ts";

jest.setTimeout(120_000);

const run = promisify(execFile);
const BUF = new URL("../../node_modules/.bin/buf", import.meta.url).pathname;

let cluster: TestCluster;
beforeAll(async () => {
  await ensureImage();
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

const url = (method = "") =>
  `http://${cluster.managerAddress}${method && `/berth.v1.ManagerService/${method}`}`;
const spec = { image: TEST_IMAGE, command: ["sleep", "100"] };

/** Calls a method with no proto file at hand: the schema comes from server reflection. */
async function bufCurl(method: string, data: object) {
  const flags = [
    "curl",
    "--protocol",
    "grpc",
    "--http2-prior-knowledge",
    "-d",
    JSON.stringify(data),
  ];
  const { stdout } = await run(BUF, [...flags, url(method)]);
  return JSON.parse(stdout);
}

describe("buf curl, knowing no proto file", () => {
  test("lists the services", async () => {
    const { stdout } = await run(BUF, [
      "curl",
      "--http2-prior-knowledge",
      "--protocol",
      "grpc",
      "--list-methods",
      url(),
    ]);
    expect(stdout).toContain("berth.v1.ManagerService/SubmitTask");
  });

  test("submits, watches, and stops a task", async () => {
    const { task } = await bufCurl("SubmitTask", { spec });
    const watch = spawn(BUF, [
      "curl",
      "--protocol",
      "grpc",
      "--http2-prior-knowledge",
      "-d",
      "{}",
      url("WatchTasks"),
    ]);
    await untilPrinted(watch, "TASK_STATE_RUNNING");
    const stopped = await bufCurl("StopTask", { taskId: task.id, grace: "0s" });
    expect(stopped.task.desiredState).toBe("DESIRED_STATE_STOP");
    await untilPrinted(watch, "TASK_STATE_STOPPED");
    watch.kill();
  });

  test("is told every bad field", async () => {
    const bad = { spec: { image: "Not An Image", ports: [{ containerPort: 70_000 }] } };
    const error = await bufCurl("SubmitTask", bad).catch(
      ({ stderr }: { stderr: string }) => stderr,
    );
    expect(error).toContain("invalid_argument");
    for (const word of [
      "google.rpc.BadRequest",
      "spec.image",
      "spec.ports[0].container_port",
      "70000",
    ])
      expect(error).toContain(word);
  });
});

function untilPrinted(child: ReturnType<typeof spawn>, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = "";
    child.stdout?.on("data", (part: Buffer) => {
      seen += part.toString();
      if (seen.includes(text)) resolve();
    });
    child.once("exit", () => reject(new Error(`ended before it printed ${text}:\n${seen}`)));
  });
}

describe("curl with Connect's JSON", () => {
  const post = async (method: string, body: string) => {
    const flags = [
      "-s",
      "-w",
      "\n%{http_code}",
      "-H",
      "content-type: application/json",
      "--data-binary",
      "@-",
    ];
    const child = execFile("curl", [...flags, url(method)]);
    child.stdin?.end(body);
    let output = "";
    for await (const part of child.stdout ?? []) output += part;
    const cut = output.lastIndexOf("\n");
    return { status: Number(output.slice(cut + 1)), body: JSON.parse(output.slice(0, cut)) };
  };
  const submit = (extra: object) =>
    post("SubmitTask", JSON.stringify({ spec: { ...spec, ...extra } }));

  test("submits, gets, and removes a task", async () => {
    const { status, body } = await submit({ name: "by-curl" });
    expect(status).toBe(200);
    const taskId = body.task.id;
    expect((await post("GetTask", JSON.stringify({ taskId }))).body.task.spec.name).toBe("by-curl");
    expect((await post("RemoveTask", JSON.stringify({ taskId, force: true }))).status).toBe(200);
    // The record goes once the container has: the tests that follow count records.
    while ((await post("GetTask", JSON.stringify({ taskId }))).status !== 404)
      await systemClock.sleep(50);
  });

  test("an unknown task is 404", async () => {
    const { status, body } = await post("GetTask", '{"taskId":"nope"}');
    expect([status, body.code]).toEqual([404, "not_found"]);
  });

  const thousands = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`KEY_${i}`, "x"]));
  test.each([
    ["an unknown field", { colour: "red" }, 400, "colour"],
    ["a negative size", { limit: { memoryBytes: "-5" } }, 400, "spec.limit.memory_bytes"],
    ["no memory at all", { limit: { memoryBytes: "0" } }, 400, "spec.limit.memory_bytes"],
    ["an image that does not parse", { image: "a b" }, 400, "spec.image"],
    ["a port that does not exist", { ports: [{ containerPort: 70_000 }] }, 400, "container_port"],
    ["10,000 variables", { env: thousands }, 400, "spec.env"],
    ["a message of 20 MiB", { name: "x".repeat(20 << 20) }, 429, "message"],
  ])("%s is refused with its reason, and nothing is stored", async (_, extra, status, word) => {
    const count = async () => (await cluster.client.listTasks({ pageSize: 1_000 })).tasks.length;
    const before = await count();
    const answer = await submit(extra);
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body)).toContain(word);
    expect(await count()).toBe(before);
  });

  test("a refusal carries every bad field as google.rpc.BadRequest", async () => {
    const { body } = await submit({ image: "", workingDir: "relative" });
    const detail = body.details.find(
      ({ type }: { type: string }) => type === "google.rpc.BadRequest",
    );
    const text = Buffer.from(detail.value, "base64").toString();
    expect(text).toContain("spec.image");
    expect(text).toContain("spec.working_dir");
  });
});
