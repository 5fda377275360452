import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  NetworkMode,
  RestartMode,
  type TaskSpec,
  TaskSpecSchema,
} from "../gen/berth/v1/task_pb.ts";
import { SPEC_BYTES_MAX } from "./limits.ts";
import { anyValidSpec } from "./task-spec-arbitrary.ts";
import { validateTaskSpec } from "./validate-task-spec.ts";

const validSpec = anyValidSpec();
const options = { schedulers: ["round-robin", "spread"] };
const validate = (spec: TaskSpec) => validateTaskSpec(spec, options);
const specOf = (init: MessageInitShape<typeof TaskSpecSchema>) =>
  create(TaskSpecSchema, { image: "nginx", ...init });
const fieldsOf = (spec: TaskSpec) => validate(spec).map(({ field }) => field);

test("objects to nothing in a valid spec", () => {
  fc.assert(
    fc.property(validSpec, (spec) => {
      const before = clone(TaskSpecSchema, spec);
      expect(validate(spec)).toEqual([]);
      expect(spec).toEqual(before);
    }),
  );
});

test("requires a spec and an image", () => {
  expect(validateTaskSpec(undefined, options)).toEqual([
    { field: "spec", description: "is required: name at least an image" },
  ]);
  expect(fieldsOf(create(TaskSpecSchema))).toEqual(["spec.image"]);
});

/** A number that no enum has a name for, as a newer client may send it. */
const UNKNOWN = 7 as 0;

/** One wrong thing each: the field it is in, and the part of a spec that has it. */
const MUTATIONS: ReadonlyArray<readonly [string, MessageInitShape<typeof TaskSpecSchema>]> = [
  ["spec.name", { name: "Web" }],
  ["spec.name", { name: "-web" }],
  ["spec.name", { name: "a".repeat(64) }],
  ["spec.image", { image: "nginx:1:2" }],
  ["spec.command[1]", { command: ["a", "b\0"] }],
  ["spec.command", { command: Array.from({ length: 257 }, () => "a"), args: [] }],
  ["spec.args", { command: [], args: Array.from({ length: 257 }, () => "a") }],
  ["spec.args", { command: [], args: ["é".repeat(32 * 1024 + 1)] }],
  ["spec.args[0]", { args: ["\0"] }],
  ["spec.env", { env: { A: "a".repeat(64 * 1024) } }],
  ["spec.env", { env: many(513) }],
  ['spec.env["1A"]', { env: { "1A": "" } }],
  ['spec.env[""]', { env: { "": "" } }],
  ['spec.env["A"]', { env: { A: "a\0b" } }],
  ['spec.labels["berth.dns/name"]', { labels: { "berth.dns/name": "Web" } }],
  ['spec.labels["berth.dns/name"]', { labels: { "berth.dns/name": "" } }],
  ["spec.working_dir", { workingDir: "srv" }],
  ["spec.working_dir", { workingDir: "/srv\0" }],
  ["spec.working_dir", { workingDir: `/${"a".repeat(4095)}` }],
  ["spec.user", { user: "a:b:c" }],
  ["spec.user", { user: ":staff" }],
  ["spec.user", { user: "app:" }],
  ["spec.user", { user: "2147483648" }],
  ["spec.user", { user: "a b" }],
  ['spec.labels["A"]', { labels: { A: "" } }],
  ['spec.labels["a-"]', { labels: { "a-": "" } }],
  ['spec.labels["a"]', { labels: { a: "b".repeat(257) } }],
  ['spec.labels["a"]', { labels: { a: "\0" } }],
  ["spec.labels", { labels: many(65) }],
  ["spec.reservation.cpu_millis", { reservation: { cpuMillis: -1n } }],
  ["spec.reservation.memory_bytes", { reservation: { memoryBytes: (1n << 50n) + 1n } }],
  ["spec.reservation.disk_bytes", { reservation: { diskBytes: -1n } }],
  ["spec.limit.cpu_millis", { limit: { cpuMillis: 9n } }],
  ["spec.limit.cpu_millis", { limit: { cpuMillis: 1n << 62n } }],
  ["spec.limit.memory_bytes", { limit: { memoryBytes: 0n } }],
  ["spec.limit.memory_bytes", { limit: { memoryBytes: 6291455n } }],
  ["spec.limit.pids", { limit: { pids: 0n } }],
  ["spec.limit.pids", { limit: { pids: -1n } }],
  ["spec.reservation.cpu_millis", { reservation: { cpuMillis: 11n }, limit: { cpuMillis: 10n } }],
  [
    "spec.reservation.memory_bytes",
    { reservation: { memoryBytes: 6291457n }, limit: { memoryBytes: 6291456n } },
  ],
  ["spec.network_mode", { networkMode: UNKNOWN, ports: [] }],
  ["spec.restart_policy.mode", { restartPolicy: { mode: UNKNOWN } }],
  ["spec.restart_policy.restarts_max", { restartPolicy: { restartsMax: 0 } }],
  ["spec.restart_policy.restarts_max", { restartPolicy: { mode: RestartMode.NO, restartsMax: 3 } }],
  ["spec.pull_policy", { pullPolicy: UNKNOWN }],
  ["spec.stop_grace", { stopGrace: { seconds: -1n } }],
  ["spec.stop_grace", { stopGrace: { seconds: 3600n, nanos: 1 } }],
  ["spec.stop_grace", { stopGrace: { nanos: 1e9 } }],
  ["spec.stop_signal", { stopSignal: "SIGNOPE" }],
  ["spec.stop_signal", { stopSignal: "0" }],
  ["spec.stop_signal", { stopSignal: "65" }],
  ["spec.stop_signal", { stopSignal: "SIGRTMIN+16" }],
  ["spec.platform", { platform: "amd64" }],
  ["spec.platform", { platform: "linux/" }],
  ["spec.platform", { platform: "linux/arm/v7/x" }],
  ["spec.scheduler", { scheduler: "fastest" }],
  ["spec.ports", ports(Array.from({ length: 65 }, (_, i) => ({ containerPort: i + 1 })))],
  ["spec.ports", ports([{ containerPort: 80 }], NetworkMode.NONE)],
  ["spec.ports[0].container_port", ports([{ containerPort: 0 }])],
  ["spec.ports[0].container_port", ports([{ containerPort: 65_536 }])],
  ["spec.ports[0].host_port", ports([{ containerPort: 80, hostPort: 0 }])],
  ["spec.ports[0].host_port", ports([{ containerPort: 80, hostPort: 70_000 }])],
  ["spec.ports[0].host_port", ports([{ containerPort: 80, hostPort: 81 }], NetworkMode.HOST)],
  ["spec.ports[0].protocol", ports([{ containerPort: 80, protocol: UNKNOWN }])],
  ["spec.ports[0].name", ports([{ containerPort: 80, name: "Web" }])],
  ["spec.ports[1].container_port", ports([{ containerPort: 80 }, { containerPort: 80 }])],
  [
    "spec.ports[1].host_port",
    ports([
      { containerPort: 80, hostPort: 1 },
      { containerPort: 81, hostPort: 1 },
    ]),
  ],
  [
    "spec.ports[1].name",
    ports([
      { containerPort: 80, name: "web" },
      { containerPort: 81, name: "web" },
    ]),
  ],
];

function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, ""]));
}

function ports(
  list: NonNullable<MessageInitShape<typeof TaskSpecSchema>["ports"]>,
  networkMode = NetworkMode.BRIDGE,
): MessageInitShape<typeof TaskSpecSchema> {
  return { ports: list, networkMode };
}

describe("one mistake", () => {
  test.each(MUTATIONS)("%s is the only field named (%#)", (field, mutation) => {
    const broken = specOf(mutation);
    const changes = Object.fromEntries(
      Object.entries(broken).filter(([key]) => key in mutation),
    ) as Partial<TaskSpec>;
    expect(fieldsOf(broken)).toEqual([field]);
    fc.assert(
      fc.property(validSpec, (spec) => {
        const base = "ports" in mutation ? { ...spec, ports: [] } : spec;
        expect(fieldsOf({ ...base, ...changes })).toEqual([field]);
      }),
      { numRuns: 5 },
    );
  });
});

test("the two protocols of one port are two ports", () => {
  const both = ports([
    { containerPort: 53, hostPort: 53, protocol: 10, name: "dns" },
    { containerPort: 53, hostPort: 53, protocol: 20, name: "dns" },
  ]);
  expect(fieldsOf(specOf(both))).toEqual([]);
});

test("names all mistakes at once, each with its value and the remedy", () => {
  const spec = specOf({
    ports: [{ containerPort: 70_000 }],
    limit: { memoryBytes: 1024n },
    scheduler: "fastest",
  });
  expect(validate(spec)).toEqual([
    {
      field: "spec.limit.memory_bytes",
      description: "is 1024: must be 6291456 to 1125899906842624 (6 MiB to 1 PiB), or left out",
    },
    { field: "spec.ports[0].container_port", description: "is 70000: must be 1 to 65535" },
    {
      field: "spec.scheduler",
      description: 'is "fastest": must be one of round-robin, spread',
    },
  ]);
});

test("counts the mistakes that it does not name", () => {
  const env = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`${index}`, ""]));
  const violations = validate(specOf({ env }));
  expect(violations).toHaveLength(21);
  expect(violations.at(-1)).toEqual({
    field: "spec",
    description: "has 10 more violations: mend these first",
  });
});

test("looks no further into a spec that is too big", () => {
  const spec = specOf({ name: "a".repeat(SPEC_BYTES_MAX), image: "" });
  expect(validate(spec)).toEqual([
    { field: "spec", description: "takes about 256 KiB: must be at most 256 KiB" },
  ]);
});

test("refuses fields that it does not know, also inside a port", () => {
  const strange = { no: 1000, wireType: 0, data: new Uint8Array([1]) };
  const spec = specOf(ports([{ containerPort: 80 }]));
  spec.$unknown = [strange];
  for (const port of spec.ports) port.$unknown = [strange, strange];
  const description = "has unknown fields, by number: 1000: leave them out or upgrade";
  expect(validate(spec)).toEqual([
    { field: "spec", description },
    { field: "spec.ports[0]", description },
  ]);
});

test("never throws, and never repeats a long value in full", () => {
  const anything = fc.record({
    name: fc.string({ unit: "binary" }),
    image: fc.string({ unit: "binary", maxLength: 600 }),
    env: fc.dictionary(fc.string(), fc.string({ unit: "binary" })),
    labels: fc.dictionary(fc.string({ unit: "binary" }), fc.string()),
    command: fc.array(fc.string()),
    user: fc.string(),
    workingDir: fc.string(),
    platform: fc.string({ maxLength: 600 }),
    scheduler: fc.string({ maxLength: 600 }),
    stopSignal: fc.string(),
    networkMode: fc.integer(),
    ports: fc.array(
      fc.record({
        containerPort: fc.oneof(fc.integer(), fc.double()),
        hostPort: fc.oneof(fc.integer(), fc.double()),
        name: fc.string(),
        protocol: fc.integer(),
      }),
    ),
    limit: fc.record({ cpuMillis: fc.bigInt(), memoryBytes: fc.bigInt(), pids: fc.bigInt() }),
  });
  fc.assert(
    fc.property(anything, (init) => {
      for (const { description } of validate(create(TaskSpecSchema, init))) {
        expect(description.length).toBeLessThan(600);
      }
    }),
  );
});
