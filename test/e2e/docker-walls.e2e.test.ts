import { describe, expect, test } from "@jest/globals";
import { NetworkMode } from "../../gen/berth/v1/task_pb.ts";
import { ADDRESS, createDockerRig, IDLE, shell, text } from "./docker-rig.ts";

const { runtime, engine, owner, nextKey, createOne, startOne, runToEnd, readAll } =
  createDockerRig("docker-walls");

describe("the walls around a container", () => {
  test("it has no more than the contract gives it", async () => {
    const id = await runToEnd({
      ...shell("cat /proc/self/status; cat /sys/fs/cgroup/pids/pids.max || true"),
      limit: { memoryBytes: 64n << 20n, cpuMillis: 250n },
    });
    const { HostConfig } = await engine.getContainer(id).inspect();
    expect(HostConfig).toMatchObject({
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      PidsLimit: 512,
      Memory: 64 << 20,
      CpuPeriod: 100_000,
      CpuQuota: 25_000,
      RestartPolicy: { Name: "no" },
      LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
      Privileged: false,
      Binds: null,
    });
    const status = text(await readAll(id, {}));
    expect(status).toMatch(/NoNewPrivs:\s+1/);
    const capabilities = BigInt(`0x${/CapBnd:\s+(\w+)/.exec(status)?.[1]}`);
    const NET_RAW = 13n;
    expect((capabilities >> NET_RAW) & 1n).toBe(0n);
  });

  test("labels of users cannot pretend to be Berth's", async () => {
    const key = nextKey();
    const labels = { "dev.berth.worker": "other", zone: "a" };
    const id = await createOne({ ...IDLE, labels }, key);
    const { Config } = await engine.getContainer(id).inspect();
    expect(Config.Labels).toMatchObject({
      "dev.berth.worker": owner.workerId,
      "dev.berth.label.dev.berth.worker": "other",
      "dev.berth.label.zone": "a",
    });
  });

  test("on the host's network its ports are the host's", async () => {
    const id = await startOne({
      ...IDLE,
      networkMode: NetworkMode.HOST,
      ports: [{ containerPort: 8123, name: "http" }],
    });
    expect((await runtime.inspect(id))?.state).toMatchObject({
      ports: [{ containerPort: 8123, hostPort: 8123, hostAddress: ADDRESS, name: "http" }],
    });
  });
});
