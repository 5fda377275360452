import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  NetworkMode,
  PortProtocol,
  type TaskSpec,
  TaskSpecSchema,
} from "../../gen/berth/v1/task_pb.ts";
import { keyFromLabels } from "./container-labels.ts";
import { containerSpec } from "./container-spec.ts";

type SpecInit = Exclude<MessageInitShape<typeof TaskSpecSchema>, TaskSpec>;

const key = { taskId: "t1", attempt: 2 };
const owner = { clusterId: "c1", workerId: "w1" };
const build = (init: SpecInit) =>
  containerSpec({
    key,
    owner,
    publishAddress: "127.0.0.1",
    spec: create(TaskSpecSchema, { image: "busybox:1", ...init }),
  });

test("a spec with nothing but an image gets the walls and the image's own process", () => {
  expect(build({})).toEqual({
    name: "berth-t1-2",
    body: {
      Image: "busybox:1",
      Env: [],
      Labels: {
        "dev.berth.cluster": "c1",
        "dev.berth.worker": "w1",
        "dev.berth.task": "t1",
        "dev.berth.attempt": "2",
        "dev.berth.name": "t1",
      },
      ExposedPorts: {},
      HostConfig: {
        CapAdd: expect.not.arrayContaining(["NET_RAW"]),
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        RestartPolicy: { Name: "no" },
        LogConfig: { Type: "json-file", Config: { "max-size": "10m", "max-file": "3" } },
        PidsLimit: 512,
        NetworkMode: "bridge",
        PortBindings: {},
      },
    },
  });
});

test("what the spec says of the process replaces the image's", () => {
  const { body } = build({
    command: ["/bin/sh", "-c"],
    args: ["true"],
    env: { A: "1", B: "x=y" },
    workingDir: "/srv",
    user: "1:2",
    stopSignal: "SIGINT",
    stopGrace: { seconds: 3n, nanos: 1 },
  });
  expect(body).toMatchObject({
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: ["true"],
    Env: ["A=1", "B=x=y"],
    WorkingDir: "/srv",
    User: "1:2",
    StopSignal: "SIGINT",
    StopTimeout: 4,
  });
});

test("limits are the kernel's: no swap beyond the memory, a quota for the CPU", () => {
  const limit = { memoryBytes: 64n << 20n, cpuMillis: 1500n, pids: 7n };
  expect(build({ limit }).body["HostConfig"]).toMatchObject({
    Memory: 64 << 20,
    MemorySwap: 64 << 20,
    CpuPeriod: 100_000,
    CpuQuota: 150_000,
    PidsLimit: 7,
  });
});

test("the least CPU of the contract is the least that the engine accepts", () => {
  expect(build({ limit: { cpuMillis: 10n } }).body["HostConfig"]).toMatchObject({ CpuQuota: 1000 });
});

test("ports are published where the worker wants them, fixed or free", () => {
  const { body } = build({
    ports: [
      { containerPort: 80, name: "http" },
      { containerPort: 53, hostPort: 5353, protocol: PortProtocol.UDP },
      { containerPort: 80, hostPort: 8080 },
    ],
  });
  expect(body["ExposedPorts"]).toEqual({ "80/tcp": {}, "53/udp": {} });
  expect(body["HostConfig"]).toMatchObject({
    PortBindings: {
      "80/tcp": [
        { HostIp: "127.0.0.1", HostPort: "" },
        { HostIp: "127.0.0.1", HostPort: "8080" },
      ],
      "53/udp": [{ HostIp: "127.0.0.1", HostPort: "5353" }],
    },
  });
});

test.each([
  [NetworkMode.HOST, "host"],
  [NetworkMode.NONE, "none"],
])("network mode %i publishes nothing", (networkMode, name) => {
  const { body } = build({ networkMode, ports: [{ containerPort: 80 }] });
  expect(body["HostConfig"]).toMatchObject({ NetworkMode: name, PortBindings: {} });
});

test("safety: no user's label can pass for Berth's", () => {
  const berthLabel = fc.constantFrom("dev.berth.task", "dev.berth.attempt", "dev.berth.worker");
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(berthLabel, fc.string()), fc.string()), (labels) => {
      const made = build({ labels }).body["Labels"] as Record<string, string>;
      expect(keyFromLabels(made)).toEqual(key);
      expect(made["dev.berth.worker"]).toBe("w1");
    }),
  );
});

test.each([
  [NetworkMode.BRIDGE, ["10.0.0.2"]],
  [NetworkMode.HOST, undefined],
  [NetworkMode.NONE, undefined],
])(
  "in the network mode %s a container asks its worker's DNS server where that can be",
  (networkMode, servers) => {
    const spec = create(TaskSpecSchema, { image: "busybox:1", networkMode });
    const dns = { servers: ["10.0.0.2"], searches: ["task.berth"] };
    const { body } = containerSpec({ key, owner, publishAddress: "127.0.0.1", spec, dns });
    const { Dns, DnsSearch } = body["HostConfig"] as Record<string, unknown>;
    expect([Dns, DnsSearch]).toEqual([servers, servers && ["task.berth"]]);
  },
);
