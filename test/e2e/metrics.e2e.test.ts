import { type ExecFileException, execFile } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { startCluster, type TestCluster } from "./cluster.ts";

jest.setTimeout(180_000);

const DEPLOY = new URL("../../deploy/prometheus/", import.meta.url).pathname;

let cluster: TestCluster;
let taskId: string;

beforeAll(async () => {
  cluster = await startCluster();
  const command = ["sh", "-c", "while :; do :; done"];
  const limit = { cpuMillis: 100n, memoryBytes: BigInt(64 * 2 ** 20) };
  ({ id: taskId } = await cluster.submit({ name: "busy", command, limit }));
  await cluster.waitFor(taskId, ({ state }) => state === TaskState.RUNNING);
});

afterAll(() => cluster.stop());

/** Runs Prometheus' own tool. It is installed by scripts/e2e-tools.sh; without it the test fails. */
const promtool = (args: readonly string[], input = ""): Promise<string> =>
  new Promise((resolve) => {
    const child = execFile("promtool", args, (error: ExecFileException | null, stdout, stderr) =>
      resolve(error ? `${error.message}${stdout}${stderr}` : stderr),
    );
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });

async function scrape(address: string): Promise<string> {
  const answer = await fetch(`http://${address}/metrics`);
  expect(answer.status).toBe(200);
  return answer.text();
}

type Target = Readonly<{ targets: readonly string[]; labels: Readonly<Record<string, string>> }>;

const targets = async (): Promise<readonly Target[]> =>
  (await (await fetch(`http://${cluster.managerAddress}/prometheus/targets`)).json()) as Target[];

test("promtool finds nothing wrong with what manager, registry and worker tell", async () => {
  const found = await targets();
  const services = found.map(({ labels }) => labels["__meta_berth_service"]);
  expect(services.sort()).toEqual(["manager", "registry", "worker"]);
  for (const [address = ""] of found.map((target) => target.targets)) {
    const text = await scrape(address);
    expect(text).toContain("berth_build_info{");
    expect(await promtool(["check", "metrics"], text)).toBe("");
  }
});

test("promtool accepts the configuration and the rules that are shipped", async () => {
  const told = await promtool(["check", "config", join(DEPLOY, "prometheus.yml")]);
  expect(told).toBe("");
});

test("a task's CPU, memory and network are told to Prometheus and to users alike", async () => {
  const worker = (await targets()).find(({ labels }) => labels["__meta_berth_worker_id"]);
  const text = await scrape(worker?.targets[0] ?? "");
  const numberOf = (name: string) =>
    Number(new RegExp(`^${name}\\{[^}]*task_id="${taskId}"[^}]*\\} (.+)$`, "m").exec(text)?.[1]);
  expect(numberOf("container_cpu_usage_seconds_total")).toBeGreaterThan(0);
  expect(numberOf("container_memory_usage_bytes")).toBeGreaterThan(0);
  expect(numberOf("container_spec_memory_limit_bytes")).toBe(64 * 2 ** 20);
  expect(numberOf("container_network_transmit_bytes_total")).toBeGreaterThanOrEqual(0);
  expect(numberOf("container_start_time_seconds")).toBeGreaterThan(1e9);

  let rounds = 0;
  for await (const { stats, warnings } of cluster.client.streamTaskStats({ taskIds: [taskId] })) {
    expect(warnings).toEqual([]);
    expect(stats).toHaveLength(1);
    expect(stats[0]?.taskName).toBe("busy");
    if (++rounds < 3) continue;
    expect(stats[0]?.cpuPercent).toBeGreaterThan(0);
    break;
  }
});
