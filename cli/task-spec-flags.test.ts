import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
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
      reservation: { cpuMillis: 250n, memoryBytes: 268_435_456n, diskBytes: 1_073_741_824n },
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
  expect(runFlagOfField("spec.environment")).toBeUndefined();
});
