import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { describe, expect, test } from "@jest/globals";
import { ProbeFrom, ProbeSchema } from "../gen/berth/v1/probe_pb.ts";
import { NetworkMode, PortProtocol, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { withDefaults } from "./task-spec.ts";
import { validateTaskSpec } from "./validate-task-spec.ts";

type ProbeInit = Omit<MessageInitShape<typeof ProbeSchema>, "$typeName">;
type SpecInit = Omit<MessageInitShape<typeof TaskSpecSchema>, "$typeName">;

const options = { schedulers: ["spread"] };
const specOf = (probe: ProbeInit, init: SpecInit = {}) =>
  create(TaskSpecSchema, { image: "web:1", ...init, livenessProbe: create(ProbeSchema, probe) });
const violationsOf = (livenessProbe: ProbeInit, init: SpecInit = {}) =>
  validateTaskSpec(specOf(livenessProbe, init), options);

const http = (value = {}): ProbeInit => ({
  check: { case: "http", value: { port: 80, ...value } },
});
const tcp = (port = 80): ProbeInit => ({ check: { case: "tcp", value: { port } } });
const exec = (...command: string[]): ProbeInit => ({ check: { case: "exec", value: { command } } });
const grpc = (value = {}): ProbeInit => ({
  check: { case: "grpc", value: { port: 80, ...value } },
});

const seconds = (count: number, nanos = 0) => ({ seconds: BigInt(count), nanos });
const many = (length: number) => Array.from({ length }, () => "a");

const P = "spec.liveness_probe";

const MUTATIONS: ReadonlyArray<readonly [field: string, probe: ProbeInit]> = [
  [`${P}.check`, {}],
  [`${P}.http.port`, http({ port: 0 })],
  [`${P}.http.port`, http({ port: 65_536 })],
  [`${P}.http.path`, http({ path: "health" })],
  [`${P}.http.path`, http({ path: "/a b" })],
  [`${P}.http.path`, http({ path: "/a\r\nHost: b" })],
  [`${P}.http.path`, http({ path: `/${"a".repeat(2_048)}` })],
  [`${P}.http.statuses`, http({ statuses: Array.from({ length: 17 }, () => 200) })],
  [`${P}.http.statuses[1]`, http({ statuses: [200, 600] })],
  [`${P}.tcp.port`, tcp(0)],
  [`${P}.exec.command`, exec()],
  [`${P}.exec.command[0]`, exec("")],
  [`${P}.exec.command`, exec(...many(65))],
  [`${P}.exec.command`, exec("a".repeat(8 * 1024 + 1))],
  [`${P}.exec.command[1]`, exec("a", "\0")],
  [`${P}.grpc.port`, grpc({ port: 70_000 })],
  [`${P}.grpc.service`, grpc({ service: "a".repeat(257) })],
  [`${P}.interval`, { ...tcp(), interval: seconds(0, 99_999_999) }],
  [`${P}.interval`, { ...tcp(), interval: seconds(3_600, 1) }],
  [`${P}.interval`, { ...tcp(), interval: seconds(1, -1) }],
  [`${P}.timeout`, { ...tcp(), timeout: seconds(0) }],
  [`${P}.timeout`, { ...tcp(), timeout: seconds(301) }],
  [`${P}.start_period`, { ...tcp(), startPeriod: seconds(-1) }],
  [`${P}.start_period`, { ...tcp(), startPeriod: seconds(3_601) }],
  [`${P}.failure_threshold`, { ...tcp(), failureThreshold: 0 }],
  [`${P}.failure_threshold`, { ...tcp(), failureThreshold: 101 }],
  [`${P}.success_threshold`, { ...tcp(), successThreshold: 0 }],
  [`${P}.probe_from`, { ...tcp(), probeFrom: 7 as ProbeFrom }],
];

test.each(MUTATIONS)("names %s", (field, probe) => {
  expect(violationsOf(probe).map((violation) => violation.field)).toEqual([field]);
});

test("names each of the three probes by its own field", () => {
  const bad = create(ProbeSchema, { ...tcp(), interval: seconds(0) });
  const spec = create(TaskSpecSchema, {
    image: "web:1",
    startupProbe: bad,
    livenessProbe: bad,
    readinessProbe: bad,
  });
  expect(validateTaskSpec(spec, options).map(({ field }) => field)).toEqual([
    "spec.startup_probe.interval",
    "spec.liveness_probe.interval",
    "spec.readiness_probe.interval",
  ]);
});

describe("who asks", () => {
  const byManager = (probe: ProbeInit) => ({ ...probe, probeFrom: ProbeFrom.MANAGER });
  const published = { ports: [{ containerPort: 80 }] };

  test("may be the manager, for a TCP port that the task publishes", () => {
    expect(violationsOf(byManager(http()), published)).toEqual([]);
    const udp = { ports: [{ containerPort: 80, protocol: PortProtocol.UDP }] };
    for (const init of [{}, udp, { ports: [{ containerPort: 81 }] }]) {
      const [violation] = violationsOf(byManager(http()), init);
      expect(violation?.field).toBe(`${P}.http.port`);
    }
  });

  test("is never the manager for a command", () => {
    const [violation] = violationsOf(byManager(exec("true")), published);
    expect(violation?.field).toBe(`${P}.probe_from`);
  });

  test("is one for all where the manager asks for the startup", () => {
    const startupProbe = create(ProbeSchema, byManager(tcp()));
    expect(violationsOf(byManager(tcp()), { ...published, startupProbe })).toEqual([]);
    const [violation] = violationsOf(tcp(), { ...published, startupProbe });
    expect(violation?.field).toBe("spec.startup_probe.probe_from");
  });
});

test("without a network only a command can be asked", () => {
  const init = { networkMode: NetworkMode.NONE };
  expect(violationsOf(exec("true"), init)).toEqual([]);
  expect(violationsOf(grpc(), init).map(({ field }) => field)).toEqual([`${P}.grpc`]);
});

test("a field of a newer contract is refused in a probe and in its check", () => {
  const spec = specOf(http());
  const unknown = [{ no: 99, wireType: WireType.Varint, data: new Uint8Array([1]) }];
  const probe = spec.livenessProbe;
  if (probe) probe.$unknown = unknown;
  expect(validateTaskSpec(spec, options)[0]?.field).toBe(P);
  const inner = specOf(http());
  const check = inner.livenessProbe?.check;
  if (check?.value) check.value.$unknown = unknown;
  expect(validateTaskSpec(inner, options)[0]?.field).toBe(`${P}.http`);
});

test("defaults are filled in, once", () => {
  const spec = withDefaults(specOf(http()), { taskId: "t1" });
  expect(spec.livenessProbe).toMatchObject({
    check: { case: "http", value: { port: 80, path: "/", statuses: [200] } },
    interval: seconds(10),
    timeout: seconds(3),
    failureThreshold: 3,
    successThreshold: 1,
    startPeriod: seconds(0),
    probeFrom: ProbeFrom.WORKER,
  });
  expect(withDefaults(spec, { taskId: "t1" })).toEqual(spec);
  expect(validateTaskSpec(spec, options)).toEqual([]);
  expect(spec.startupProbe).toBeUndefined();
});
