import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import { ConstraintOperator } from "../gen/berth/v1/affinity_pb.ts";
import { ProbeFrom } from "../gen/berth/v1/probe_pb.ts";
import {
  NetworkMode,
  OnDisconnect,
  PortProtocol,
  PullPolicy,
  RestartMode,
  TaskSpecSchema,
} from "../gen/berth/v1/task_pb.ts";
import { runFlagOfField, type TaskSpecFlags, taskSpecOf } from "./task-spec-flags.ts";

const specOf = (flags: TaskSpecFlags, args: readonly string[] = []) =>
  create(
    TaskSpecSchema,
    taskSpecOf({ image: "nginx", args, flags, envFiles: [], environment: { HOME: "/me" } }),
  );

test("without flags only the image is asked for: defaults are the manager's", () => {
  expect(specOf({})).toEqual(create(TaskSpecSchema, { image: "nginx" }));
});

test("every flag has its place in the spec", () => {
  const flags = {
    publish: ["8080:80"],
    env: ["A=1", "HOME"],
    cpus: "0.5",
    memory: "512m",
    reserveCpus: "0.25",
    reserveMemory: "256m",
    reserveDisk: "1g",
    reserve: ["gpu=2", "licence"],
    pidsLimit: "64",
    name: "web",
    label: ["app=web"],
    restart: "on-failure:3",
    restartWindow: "10m",
    onDisconnect: "stop",
    placementTimeout: "1h",
    pullTimeout: "5m",
    startTimeout: "90s",
    entrypoint: "/bin/sh",
    workdir: "/srv",
    user: "1000",
    network: "bridge",
    pull: "always",
    platform: "linux/amd64",
    scheduler: "spread",
    constraint: ["zone=a", "!gpu"],
    affinity: ["disk=ssd:-5"],
    spread: ["zone:1"],
    near: ["app=db,tier=1@zone"],
    apart: ["app=web"],
    maxPerWorker: "2",
    priority: "-10",
    stopTimeout: "30s",
    stopSignal: "SIGINT",
  };
  expect(specOf(flags, ["-c", "true"])).toEqual(
    create(TaskSpecSchema, {
      image: "nginx",
      name: "web",
      command: ["/bin/sh"],
      args: ["-c", "true"],
      env: { A: "1", HOME: "/me" },
      labels: { app: "web" },
      workingDir: "/srv",
      user: "1000",
      ports: [{ containerPort: 80, hostPort: 8080, protocol: PortProtocol.TCP }],
      limit: { cpuMillis: 500n, memoryBytes: 536_870_912n, pids: 64n },
      reservation: {
        ...{ cpuMillis: 250n, memoryBytes: 268_435_456n, diskBytes: 1_073_741_824n },
        custom: { gpu: { count: 2n }, licence: { count: 1n } },
      },
      restartPolicy: {
        mode: RestartMode.ON_FAILURE,
        restartsMax: 3,
        window: durationFromMs(600_000),
      },
      onDisconnect: OnDisconnect.STOP,
      placementTimeout: durationFromMs(3_600_000),
      pullTimeout: durationFromMs(300_000),
      startTimeout: durationFromMs(90_000),
      networkMode: NetworkMode.BRIDGE,
      pullPolicy: PullPolicy.ALWAYS,
      platform: "linux/amd64",
      scheduler: "spread",
      constraints: [
        { key: "zone", operator: ConstraintOperator.EQUAL, values: ["a"] },
        { key: "gpu", operator: ConstraintOperator.NOT_EXISTS },
      ],
      affinities: [
        {
          constraint: { key: "disk", operator: ConstraintOperator.EQUAL, values: ["ssd"] },
          weight: -5,
        },
      ],
      spreads: [{ key: "zone", maxSkew: 1 }],
      taskAffinities: [
        { matchLabels: { app: "db", tier: "1" }, key: "zone" },
        { matchLabels: { app: "web" }, anti: true },
      ],
      maxPerWorker: 2,
      priority: -10,
      stopGrace: durationFromMs(30_000),
      stopSignal: "SIGINT",
    }),
  );
});

test("the nearer environment wins: a flag over a file, a later file over an earlier", () => {
  const envFiles = [
    { path: "a", content: "A=1\nB=1\nC=1\n" },
    { path: "b", content: "B=2\nC=2\n" },
  ];
  const flags = { env: ["C=3"] };
  const { env } = taskSpecOf({ image: "i", args: [], flags, envFiles, environment: {} });
  expect(env).toEqual({ A: "1", B: "2", C: "3" });
});

test("fields of the contract are told as flags", () => {
  expect(runFlagOfField("spec.env")).toBe("--env");
  expect(runFlagOfField("spec.ports[0].host_port")).toBe("--publish");
  expect(runFlagOfField("spec.restart_policy.restarts_max")).toBe("--restart");
  expect(runFlagOfField("spec.constraints[1].values[0]")).toBe("--constraint");
  expect(runFlagOfField('spec.reservation.custom["GPU"]')).toBe("--reserve");
  expect(runFlagOfField("spec.environment")).toBeUndefined();
});

test("probes have flags of their own, by the names that Docker gave them", () => {
  const spec = specOf({
    healthHttp: ":8080/health?a=b",
    healthInterval: "500ms",
    healthTimeout: "1s",
    healthRetries: "5",
    healthStartPeriod: "1m",
    healthFrom: "manager",
    readyCmd: "test -e /ready",
    startupGrpc: "50051/shop.Cart",
  });
  expect(spec.livenessProbe).toMatchObject({
    check: { case: "http", value: { port: 8080, path: "/health?a=b" } },
    interval: durationFromMs(500),
    timeout: durationFromMs(1_000),
    failureThreshold: 5,
    startPeriod: durationFromMs(60_000),
    probeFrom: ProbeFrom.MANAGER,
  });
  const command = ["/bin/sh", "-c", "test -e /ready"];
  expect(spec.readinessProbe?.check).toMatchObject({ case: "exec", value: { command } });
  const value = { port: 50_051, service: "shop.Cart" };
  expect(spec.startupProbe?.check).toMatchObject({ case: "grpc", value });
});

test.each([
  [{ healthHttp: "health" }, "--health-http is"],
  [{ healthTcp: "0" }, "--health-tcp is"],
  [{ readyGrpc: "a.B" }, "--ready-grpc is"],
  [{ healthTcp: "80", healthCmd: "true" }, "--health-*: only one of"],
  [{ startupRetries: "3" }, "--startup-*: nothing is asked"],
])("of %j it is said what is wrong", (flags, problem) => {
  expect(() => specOf(flags)).toThrow(problem);
});

test("what the manager finds wrong with a probe is told by its flag", () => {
  expect(runFlagOfField("spec.liveness_probe.http.port")).toBe("--health-http");
  expect(runFlagOfField("spec.readiness_probe.exec.command[0]")).toBe("--ready-cmd");
  expect(runFlagOfField("spec.startup_probe.failure_threshold")).toBe("--startup-retries");
});
