import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { PortProtocol } from "../../gen/berth/v1/task_pb.ts";
import { containerFacts } from "./container-facts.ts";
import type { Json } from "./engine-json.ts";

const NEVER = "0001-01-01T00:00:00Z";
const START = "2026-01-02T03:04:05.678901234Z";
const FINISH = "2026-01-02T03:04:06Z";

const labels = {
  "dev.berth.task": "t1",
  "dev.berth.attempt": "2",
  "dev.berth.name": "web",
  "dev.berth.port.80/tcp": "http",
  "dev.berth.port.53/udp": "",
};

const created = { Status: "created", Error: "", ExitCode: 0, StartedAt: NEVER, FinishedAt: NEVER };

const facts = (state: Json, more: Json = {}) =>
  containerFacts(
    {
      ...{ Id: "c", Image: "sha256:5f1c", State: state },
      Config: { Labels: labels, Image: "web:1" },
      ...more,
    },
    "10.0.0.1",
  );

test("one that was not started yet is created", () => {
  expect(facts(created)).toEqual({
    containerId: "c",
    key: { taskId: "t1", attempt: 2 },
    name: "web",
    image: "web:1",
    imageId: "sha256:5f1c",
    orders: { onDisconnect: { kind: "keep-running" } },
    state: { kind: "created" },
  });
});

test.each(["running", "paused", "restarting"])("one that is %s runs", (Status) => {
  expect(facts({ Status, StartedAt: START })?.state).toEqual({
    kind: "running",
    startTimeMs: Date.parse(START),
    ports: [],
  });
});

test.each(["exited", "dead", "removing"])("one that is %s has ended", (Status) => {
  const state = {
    Status,
    ExitCode: 137,
    OOMKilled: true,
    Error: "",
    StartedAt: START,
    FinishedAt: FINISH,
  };
  expect(facts(state)?.state).toEqual({
    kind: "exited",
    exit: {
      exitCode: 137,
      oomKilled: true,
      error: "",
      startTimeMs: Date.parse(START),
      finishTimeMs: Date.parse(FINISH),
    },
  });
});

test("one whose start failed has ended before it began", () => {
  const error = 'exec: "nope": executable file not found';
  expect(facts({ ...created, ExitCode: 127, Error: error })?.state).toEqual({
    kind: "exited",
    exit: {
      exitCode: 127,
      oomKilled: false,
      error,
      startTimeMs: undefined,
      finishTimeMs: undefined,
    },
  });
});

const portsOf = (more: Json) => {
  const state = facts({ Status: "running", StartedAt: START }, more)?.state;
  return state?.kind === "running"
    ? state.ports.map(({ $typeName: _, ...port }) => port)
    : undefined;
};

test("ports are those really published, under the names of the spec", () => {
  const Ports = {
    "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "49153" }],
    "53/udp": [{ HostIp: "0.0.0.0", HostPort: "5353" }],
    "9000/tcp": null,
  };
  expect(portsOf({ NetworkSettings: { Ports } })).toEqual([
    {
      containerPort: 80,
      hostPort: 49153,
      hostAddress: "127.0.0.1",
      protocol: PortProtocol.TCP,
      name: "http",
    },
    {
      containerPort: 53,
      hostPort: 5353,
      hostAddress: "10.0.0.1",
      protocol: PortProtocol.UDP,
      name: "",
    },
  ]);
});

test("on the host's network they are those of the spec", () => {
  expect(portsOf({ HostConfig: { NetworkMode: "host" } })).toEqual([
    {
      containerPort: 53,
      hostPort: 53,
      hostAddress: "10.0.0.1",
      protocol: PortProtocol.UDP,
      name: "",
    },
    {
      containerPort: 80,
      hostPort: 80,
      hostAddress: "10.0.0.1",
      protocol: PortProtocol.TCP,
      name: "http",
    },
  ]);
});

test.each([{}, { "dev.berth.task": "t1" }, { ...labels, "dev.berth.attempt": "none" }])(
  "a container with the labels %j is nobody's",
  (Labels) => {
    expect(containerFacts({ Id: "c", Config: { Labels }, State: created }, "")).toBeUndefined();
  },
);

test("safety: no answer of the engine makes it throw", () => {
  const anyState = fc.dictionary(
    fc.constantFrom("Status", "Error", "ExitCode", "StartedAt", "FinishedAt", "OOMKilled"),
    fc.oneof(fc.jsonValue(), fc.constantFrom("running", "exited", START)),
  );
  fc.assert(
    fc.property(anyState, fc.jsonValue(), (state, other) => {
      facts(state, { NetworkSettings: other, HostConfig: other });
      containerFacts({ Config: other, State: other }, "");
    }),
  );
});
