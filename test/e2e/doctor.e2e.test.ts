import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../lib/clock.ts";
import { BERTH, startCluster, type TestCluster } from "./cluster.ts";

jest.setTimeout(180_000);

const run = promisify(execFile);

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

type Found = Readonly<{ part: string; check: string; status: string; words: string }>;

/** What it finds of the real machine and cluster. The network of a test machine is its own affair. */
async function doctor(...args: readonly string[]): Promise<readonly Found[]> {
  const flags = ["doctor", "-o", "json", "--addr", cluster.managerAddress, ...args];
  const { stdout } = await run(process.execPath, [BERTH, ...flags]).catch(
    (error: unknown) => error as Readonly<{ stdout: string }>,
  );
  return JSON.parse(stdout);
}

const statusOf = (found: readonly Found[], check: string) =>
  found.filter((each) => each.check === check).map(({ status }) => status);

test("a cluster that is well is found so: its manager, its versions, its clocks, its workers", async () => {
  let found = await doctor("cluster");
  while (found.some(({ status }) => status !== "ok")) {
    await systemClock.sleep(200);
    found = await doctor("cluster");
  }
  expect(found.map(({ check }) => check)).toEqual(["manager", "versions", "clocks", "workers"]);
});

test("the engine, the disk and the ports of this machine are what they are", async () => {
  const found = await doctor("machine", "--manager-listen", cluster.managerAddress);
  expect(statusOf(found, "engine")).toEqual(["ok"]);
  expect(statusOf(found, "node")).toEqual(["ok"]);
  const port = found.find(({ check }) => check === `port ${cluster.managerAddress.split(":")[1]}`);
  expect(port?.words).toBe(`a manager serves at ${cluster.managerAddress}`);
  const without = await doctor("machine", "--docker-host", "unix:///nowhere/docker.sock");
  expect(statusOf(without, "engine")).toEqual(["problem"]);
});
