import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { startCollector } from "../otlp-collector.ts";
import { BERTH, startCluster, type TestCluster } from "./cluster.ts";
import { TEST_IMAGE } from "./engine.ts";

const run = promisify(execFile);

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

let cluster: TestCluster;
let collector: Awaited<ReturnType<typeof startCollector>>;

beforeAll(async () => {
  collector = await startCollector();
  const flags = ["--otlp-endpoint", collector.url, "--trace-ratio", "0"];
  cluster = await startCluster({ extraFlags: { manager: flags, worker: flags } });
});

afterAll(async () => {
  await cluster.stop();
  await collector.close();
});

/** Spans are sent some seconds after they end. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await systemClock.sleep(50);
}

const berth = (...args: string[]) =>
  run(BERTH, args, { env: { ...process.env, TRACEPARENT, BERTH_ADDR: cluster.managerAddress } });

test("a task that is run in a span is traced through real processes to its container", async () => {
  const { stdout } = await berth("run", "--wait", "--quiet", TEST_IMAGE, "sleep", "300");
  const taskId = stdout.trim();
  const task = await cluster.waitFor(taskId, ({ state }) => state === TaskState.RUNNING);
  expect((await berth("inspect", taskId)).stdout).toMatch(new RegExp(`^Trace +${TRACE}$`, "m"));

  const mine = () => collector.spans.filter(({ traceId }) => traceId === TRACE);
  await until(() => mine().some(({ name }) => name === "worker.run_attempt"));
  await until(() => mine().some(({ name }) => name === "manager.schedule"));
  const named = (name: string) => mine().find((span) => span.name.endsWith(name));
  const path = ["/SubmitTask", "manager.schedule", "worker.run_attempt"].map(named);
  expect(path.map((span) => span?.parentSpanId)).toEqual([
    "00f067aa0ba902b7",
    path[0]?.spanId,
    path[1]?.spanId,
  ]);
  expect(path[2]?.attributes["container.id"]).toBe(task.attempt?.status?.containerId);
  for (const name of ["docker.create", "docker.start"])
    expect(named(name)).toMatchObject({ parentSpanId: path[2]?.spanId, error: undefined });
});
