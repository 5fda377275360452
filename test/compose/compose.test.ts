import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type Docker from "dockerode";
import { ensureImage, openEngine, TEST_IMAGE } from "../e2e/engine.ts";
import { freePort } from "../free-port.ts";
import { type ComposeCluster, prepareCompose, until } from "./compose.ts";

// The image is built: packages come from npm.
jest.setTimeout(900_000);

const run = promisify(execFile);
const BUF = new URL("../../node_modules/.bin/buf", import.meta.url).pathname;
const SERVER = "echo served > /tmp/index.html; exec httpd -f -p 8080 -h /tmp";

const engine = openEngine();
let cluster: ComposeCluster;
let port: number;
/** Volumes that containers of the cluster had: named ones, and those without a name. */
const volumes = new Set<string>();

beforeAll(async () => {
  await ensureImage();
  cluster = await prepareCompose();
  port = await freePort();
  await cluster.up();
});
afterAll(() => cluster?.down());

async function bufCurl(method: string, data: object) {
  const url = `http://${cluster.managers.get("manager-1")}/berth.v1.ManagerService/${method}`;
  const flags = ["--protocol", "grpc", "--http2-prior-knowledge", "-d", JSON.stringify(data)];
  const { stdout } = await run(BUF, ["curl", ...flags, url]);
  return JSON.parse(stdout);
}

const page = async () => (await (await fetch(`http://127.0.0.1:${port}/`)).text()).trim();

/** The container of the web task, which must be the same all along. */
async function webContainer(): Promise<Docker.ContainerInspectInfo> {
  const { task } = await bufCurl("GetTask", { taskId: await webId() });
  expect(task).toMatchObject({ state: "TASK_STATE_RUNNING", attempt: { number: 1 } });
  return engine.getContainer(task.attempt.status.containerId).inspect();
}

const webId = async () => (await cluster.berth("ps", "-q")).trim();

test("every worker of a cluster of containers is ready, to the CLI and to buf curl", async () => {
  for (const id of cluster.workerIds) await workerReady(id);
  const { workers } = await bufCurl("ListWorkers", {});
  expect(workers.map(({ id }: { id: string }) => id).sort()).toEqual(cluster.workerIds);
});

/** A task that only this worker takes has ended well. */
async function workerReady(id: string): Promise<void> {
  const where = ["--constraint", `worker.id=${id}`];
  await cluster.berth("run", "--attach", "-q", ...where, TEST_IMAGE, "true");
}

test("its containers may do little, and what they may is in the compose file", async () => {
  const services = await cluster.services();
  expect(services.length).toBeGreaterThanOrEqual(5);
  for (const { HostConfig, Mounts } of services) {
    expect(HostConfig.ReadonlyRootfs).toBe(true);
    expect(HostConfig.CapDrop).toEqual(["ALL"]);
    expect(HostConfig.SecurityOpt).toEqual(["no-new-privileges:true"]);
    const fromHost = Mounts.filter(({ Type }) => Type === "bind").map((it) => it.Destination);
    expect(["", "/var/run/docker.sock"]).toContain(fromHost.join());
  }
});

test("a web task is reached at its port", async () => {
  const publish = `${port}:8080`;
  const flags = ["--wait", "--name", "web", "--restart", "always", "-p", publish];
  await cluster.berth("run", ...flags, TEST_IMAGE, "sh", "-c", SERVER);
  await until(async () => (await page().catch(() => "")) === "served");
  expect(await cluster.berth("ps")).toContain("web");
});

test("each container is killed in turn and comes back; the web task runs on", async () => {
  const before = await webContainer();
  for (const { Id, Config } of await cluster.services()) {
    const container = engine.getContainer(Id);
    await container.kill();
    expect(await page()).toBe("served");
    await othersServe(serviceOf(Config));
    // To Docker a kill is the operator's wish: only he takes it back.
    await container.start();
    await cluster.untilServing(serviceOf(Config));
    expect(await isAsBefore(before)).toBe(true);
  }
  for (const id of cluster.workerIds) await workerReady(id);
  expect((await webContainer()).Id).toBe(before.Id);
  await until(async () => (await cluster.services()).every(isHealthy));
});

const serviceOf = ({ Labels }: Docker.ContainerInspectInfo["Config"]) =>
  Labels["com.docker.compose.service"] ?? "";

const isHealthy = ({ State }: Docker.ContainerInspectInfo) => State.Health?.Status === "healthy";

/** Whether a container still is in the life that it was in. */
async function isAsBefore({ Id, State }: Docker.ContainerInspectInfo): Promise<boolean> {
  const now = await engine.getContainer(Id).inspect();
  return now.State.Running && now.State.StartedAt === State.StartedAt;
}

/** While one manager is down another one starts tasks, once it leads. */
async function othersServe(down: string): Promise<void> {
  if (!cluster.managers.has(down)) return;
  for (const [name, address] of cluster.managers) {
    if (name === down) continue;
    const flags = ["--addr", address, "--request-id", `while-${down}-is-down`, "--attach", "-q"];
    const run = () => cluster.berth("run", ...flags, TEST_IMAGE, "true");
    await until(() =>
      run().then(
        () => true,
        () => false,
      ),
    );
  }
}

test("a service whose process crashes is started again by the engine", async () => {
  for (const { Id, Config, RestartCount, State } of await cluster.services()) {
    if (!cluster.managers.has(serviceOf(Config))) continue;
    await killProcess(State.Pid);
    const restarts = async () => (await engine.getContainer(Id).inspect()).RestartCount;
    await until(async () => (await restarts()) === RestartCount + 1);
    await cluster.untilServing(serviceOf(Config));
    expect(await page()).toBe("served");
  }
});

/** Kills a process of the engine's machine, whoever runs the tests. */
async function killProcess(pid: number): Promise<void> {
  const options = { Image: TEST_IMAGE, Cmd: ["kill", "-9", String(pid)] };
  const HostConfig = { PidMode: "host", NetworkMode: "none" };
  const helper = await engine.createContainer({ ...options, HostConfig });
  await helper.start();
  await helper.wait();
  await helper.remove();
}

test("make cluster-down leaves no container, volume or network", async () => {
  const containers = await cluster.containers();
  for (const { Mounts } of containers) for (const { Name } of Mounts) if (Name) volumes.add(Name);
  expect(volumes.size).toBeGreaterThan(3);
  const networks = async () => (await engine.listNetworks()).map(({ Name }) => Name);
  await cluster.down();
  const left = (await engine.listContainers({ all: true })).map(({ Id }) => Id);
  expect(containers.filter(({ Id }) => left.includes(Id))).toEqual([]);
  expect(await cluster.containers()).toEqual([]);
  const { Volumes } = await engine.listVolumes();
  expect(Volumes.filter(({ Name }) => volumes.has(Name))).toEqual([]);
  expect((await networks()).filter((name) => name.includes("berth-e2e"))).toEqual([]);
  await expect(page()).rejects.toThrow();
});
