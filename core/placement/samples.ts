import { create, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { ConstraintOperator, type ConstraintSchema } from "../../gen/berth/v1/affinity_pb.ts";
import { TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import type { CustomCapacity } from "../custom-resources.ts";
import type { Amount, Candidate, Measured } from "./candidate.ts";
import { createDemand, type Demand, wishesOf } from "./demand.ts";
import { SCHEDULER_NAMES } from "./schedulers.ts";
import { createKind } from "./task-kind.ts";

const MIB = 1024 * 1024;

/** For tests: an amount in millis, MiB and MiB. */
export const amount = (cpuMillis = 0, memoryMib = 0, diskMib = 0): Amount => ({
  cpuMillis,
  memoryBytes: memoryMib * MIB,
  diskBytes: diskMib * MIB,
});

/** For tests: an idle worker of 4 cores, 8 GiB of memory and 100 GiB of disk. */
export const worker = (workerId: string, changes: Partial<Candidate> = {}): Candidate => ({
  workerId,
  hostname: workerId,
  version: "0.0.0",
  labels: {},
  operatorLabels: {},
  ready: true,
  os: "linux",
  architecture: "amd64",
  capabilities: new Set(),
  capacity: amount(4000, 8192, 102_400),
  reserved: amount(),
  usedPorts: new Set(),
  taskCount: 0,
  tally: [],
  ...changes,
});

/** For tests: a demand for nothing but what is given. */
export const demand = (changes: Partial<Parameters<typeof createDemand>[0]> = {}): Demand =>
  createDemand({ amount: amount(), ...changes });

export const workerIds = ["a", "b", "c", "d", "e"];

const ports = () => fc.subarray(["tcp/80", "tcp/443", "udp/53"]);

/** Few distinct values, so that ties, full workers and equal demands are common. */
export const anyDemand = (): fc.Arbitrary<Demand> =>
  fc
    .record({
      cpu: fc.constantFrom(0, 500, 1500),
      memory: fc.constantFrom(0, 0, 1024, 3000),
      disk: fc.constantFrom(0, 0, 0, 1024),
      hostPorts: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, ports()),
      platform: fc.constantFrom(undefined, undefined, { os: "linux", architecture: "arm64" }),
      capabilities: fc.constantFrom([], [], ["network-host"]),
      custom: fc.constantFrom(
        undefined,
        undefined,
        [{ name: "gpu", count: 1 }],
        [
          { name: "gpu", count: 2 },
          { name: "licence", count: 1 },
        ],
      ),
      wishes: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, anyWishes()),
      kind: anyKind(),
    })
    .map(({ cpu, memory, disk, platform, custom, wishes, ...rest }) =>
      demand({
        ...rest,
        ...wishesOf(create(TaskSpecSchema, wishes)),
        amount: amount(cpu, memory, disk),
        ...(platform && { platform }),
        ...(custom && { custom }),
      }),
    );

/** Named things, some of them alike on all workers, a number of them, or none. */
const customCapacity = (): fc.Arbitrary<CustomCapacity | undefined> =>
  fc
    .record({
      gpu: fc.constantFrom([], ["x", "y"], ["y", "x", "z"], ["v"]),
      licence: fc.constantFrom(1, 3),
    })
    .map(({ gpu, licence }) =>
      gpu.length === 0
        ? undefined
        : new Map([
            ["gpu", { count: gpu.length, ids: gpu[0] === "v" ? [] : gpu }],
            ["licence", { count: licence, ids: [] }],
          ]),
    );

const anyKind = () =>
  fc
    .record({
      name: fc.constantFrom("web", "db"),
      labels: fc.constantFrom({}, { app: "a" }, { app: "a", tier: "1" }),
    })
    .map(({ name, labels }) => createKind(name, labels));

const anyConstraint = (): fc.Arbitrary<MessageInitShape<typeof ConstraintSchema>> =>
  fc.constantFrom<MessageInitShape<typeof ConstraintSchema>>(
    { key: "zone", values: ["a"] },
    { key: "zone", operator: ConstraintOperator.NOT_EQUAL, values: ["a"] },
    { key: "zone", operator: ConstraintOperator.EXISTS },
    { key: "rack", operator: ConstraintOperator.IN, values: ["1", "2"] },
    { key: "rack", operator: ConstraintOperator.GREATER, values: ["1"] },
    { key: "worker.id", operator: ConstraintOperator.MATCHES, values: ["[a-c]"] },
  );

const anyKey = () => fc.constantFrom("zone", "rack");

/** Few of each, of all that a task can ask of labels and of other tasks. */
const anyWishes = () =>
  fc.record({
    constraints: fc.array(anyConstraint(), { maxLength: 1 }),
    affinities: fc.array(
      fc.record({ constraint: anyConstraint(), weight: fc.constantFrom(-50, 10, 50) }),
      { maxLength: 2 },
    ),
    spreads: fc.uniqueArray(
      fc.record({ key: anyKey(), maxSkew: fc.constantFrom(undefined, 1, 2) }),
      { maxLength: 2, selector: ({ key }) => key },
    ),
    taskAffinities: fc.array(
      fc.record({
        matchLabels: fc.constantFrom({ app: "a" }, { tier: "1" }),
        key: fc.constantFrom("", "zone", "rack"),
        anti: fc.boolean(),
      }),
      { maxLength: 1 },
    ),
    maxPerWorker: fc.constantFrom(undefined, undefined, 1, 2),
  });

/** For tests: measurements of a machine of 8 GiB. */
export const metrics = (cpuPercent: number, memoryUsedMib = 0) => ({
  cpuPercent,
  memoryTotalBytes: 8192 * MIB,
  memoryAvailableBytes: (8192 - memoryUsedMib) * MIB,
});

const anyMeasurements = (): fc.Arbitrary<Pick<Candidate, Measured>> =>
  fc.record({
    diskAvailableBytes: fc.constantFrom(undefined, 0, 1500 * MIB),
    metrics: fc.constantFrom(undefined, metrics(0), metrics(40, 1024), metrics(90, 8000)),
  });

/** The first two are of about one size. */
const CAPACITIES = [
  amount(4000, 8192, 4096),
  amount(3900, 8000, 4096),
  amount(1000, 4096, 2048),
  amount(),
];

export const anyWorker = (): fc.Arbitrary<Candidate> =>
  fc
    .record({
      workerId: anyWorkerId(),
      ready: fc.constantFrom(true, true, true, false),
      architecture: fc.constantFrom("amd64", "arm64"),
      capabilities: fc.constantFrom([], ["network-host"]).map((names) => new Set(names)),
      capacity: fc.constantFrom(...CAPACITIES),
      measurements: anyMeasurements(),
      usedPorts: ports().map((keys) => new Set(keys)),
      labels: fc.record(
        { zone: fc.constantFrom("a", "b"), rack: fc.constantFrom("1", "2", "x") },
        { requiredKeys: [] },
      ),
      operatorLabels: fc.constantFrom({}, {}, { zone: "a" }),
      customCapacity: customCapacity(),
    })
    .map(({ workerId, measurements, ...facts }) => worker(workerId, { ...facts, ...measurements }));

const anyWorkerId = () => fc.constantFrom(...workerIds);

/** What can happen to a placer. */
export type Step =
  | Readonly<{ kind: "place"; demand: Demand; scheduler: string }>
  | Readonly<{ kind: "release"; index: number }>
  | Readonly<{ kind: "update"; worker: Candidate }>
  | Readonly<{ kind: "observe"; worker: Candidate }>
  | Readonly<{ kind: "measure"; workerId: string; measurements: Pick<Candidate, Measured> }>
  | Readonly<{ kind: "remove"; workerId: string }>;

export const anySteps = (): fc.Arbitrary<readonly Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant("place" as const),
          demand: anyDemand(),
          scheduler: fc.constantFrom(...SCHEDULER_NAMES),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant("release" as const), index: fc.nat(30) }),
      },
      fc.record({ kind: fc.constant("update" as const), worker: anyWorker() }),
      fc.record({ kind: fc.constant("observe" as const), worker: anyWorker() }),
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constant("measure" as const),
          workerId: anyWorkerId(),
          measurements: anyMeasurements(),
        }),
      },
      fc.record({ kind: fc.constant("remove" as const), workerId: anyWorkerId() }),
    ),
    { maxLength: 60, size: "max" },
  );
