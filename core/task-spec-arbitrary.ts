import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  AffinitySchema,
  ConstraintSchema,
  SpreadSchema,
  TaskAffinitySchema,
} from "../gen/berth/v1/affinity_pb.ts";
import { ProbeFrom, ProbeSchema } from "../gen/berth/v1/probe_pb.ts";
import {
  NetworkMode,
  OnDisconnect,
  PortProtocol,
  PullPolicy,
  RestartMode,
  type TaskSpec,
  TaskSpecSchema,
} from "../gen/berth/v1/task_pb.ts";

/** For tests: specs that break no rule, small and large, with and without each part. */
export const anyValidSpec = (): fc.Arbitrary<TaskSpec> =>
  fc
    .record({
      name: optional(label(), ""),
      image: image(),
      command: fc.array(text(), { maxLength: 4 }),
      args: fc.array(text(), { maxLength: 4 }),
      env: fc.dictionary(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,9}$/), text(), {
        maxKeys: 5,
      }),
      workingDir: fc.constantFrom("", "/", "/srv/with space", `/${"a".repeat(4094)}`),
      user: fc.constantFrom("", "0", "app", "1000:1000", "app:staff", "svc$", "2147483647"),
      labels: fc.dictionary(
        fc.stringMatching(/^[a-z0-9]([a-z0-9._/-]{0,9}[a-z0-9])?$/),
        fc.constantFrom("", "a", "é".repeat(256)),
        { maxKeys: 5 },
      ),
      resources: resources(),
      network: network(),
      restartPolicy: restartPolicy(),
      pullPolicy: fc.constantFrom(PullPolicy.UNSPECIFIED, PullPolicy.ALWAYS, PullPolicy.NEVER),
      stopGrace: optional(
        fc.constantFrom({ seconds: 0n, nanos: 0 }, { seconds: 3599n, nanos: 999_999_999 }),
        undefined,
      ),
      stopSignal: fc.constantFrom("", "SIGINT", "TERM", "9", "SIGRTMIN+3", "RTMAX-14"),
      platform: fc.constantFrom("", "linux", "linux/amd64", "linux/arm/v7", "windows/x86_64"),
      scheduler: fc.constantFrom("", "spread"),
      startupProbe: probe(),
      livenessProbe: probe(),
      readinessProbe: probe(),
      onDisconnect: fc.constantFrom(OnDisconnect.UNSPECIFIED, OnDisconnect.STOP),
      placementTimeout: fc.constantFrom(undefined, { seconds: 1n }, { seconds: 2_592_000n }),
      pullTimeout: fc.constantFrom(undefined, { seconds: 86_400n }),
      startTimeout: fc.constantFrom(undefined, { seconds: 3_599n, nanos: 999_999_999 }),
      asked: asked(),
      counted: fc.constantFrom<Pick<TaskSpec, "spreads" | "maxPerWorker">>(
        { spreads: [] },
        { spreads: [create(SpreadSchema, { key: "zone", maxSkew: 1 })], maxPerWorker: 10_000 },
      ),
      priority: fc.constantFrom(0, -1_000, 1_000),
    })
    .map(({ resources, network, asked, counted, ...spec }) =>
      create(TaskSpecSchema, {
        ...{ ...spec, ...resources, ...network, ...asked },
        // Without a name there is nothing to count.
        ...(spec.name !== "" && counted),
      }),
    );

/** What may be asked of labels and of other tasks. */
const asked = () =>
  fc.constantFrom<Pick<TaskSpec, "constraints" | "affinities" | "taskAffinities">>(
    { constraints: [], affinities: [], taskAffinities: [] },
    {
      constraints: [inZone("a"), create(ConstraintSchema, { key: "worker.os", values: ["linux"] })],
      affinities: [create(AffinitySchema, { constraint: inZone("b"), weight: -100 })],
      taskAffinities: [
        create(TaskAffinitySchema, { matchLabels: { app: "db" }, anti: true }),
        create(TaskAffinitySchema, { matchLabels: { app: "db" }, key: "zone" }),
      ],
    },
  );

const inZone = (zone: string) => create(ConstraintSchema, { key: "zone", values: [zone] });

const optional = <T, U>(arbitrary: fc.Arbitrary<T>, absent: U): fc.Arbitrary<T | U> =>
  fc.oneof(fc.constant(absent), arbitrary);

const label = () => fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);

const text = () => fc.string({ maxLength: 20 }).map((value) => value.replaceAll("\0", ""));

const image = () =>
  fc
    .tuple(
      fc.constantFrom("", "localhost/", "ghcr.io/", "REG:5000/", "[::1]:5000/", "a.b-c.d:65535/"),
      fc.constantFrom("nginx", "library/nginx", "a/b/c", "a__b/c-d---e", "x.y_z"),
      fc.constantFrom("", ":1.27", `:${"t".repeat(128)}`, ":_"),
      fc.constantFrom("", `@sha256:${"0a".repeat(32)}`, `@sha512:${"f".repeat(128)}`),
    )
    .map((parts) => parts.join(""));

const resources = () =>
  fc
    .record({
      cpu: optional(fc.bigInt(10n, 64_000n), undefined),
      memory: optional(fc.bigInt(6n << 20n, 1n << 40n), undefined),
      cpuShare: fc.constantFrom(undefined, 0n, 50n, 100n),
      memoryShare: fc.constantFrom(undefined, 0n, 50n, 100n),
      disk: optional(fc.bigInt(0n, 1n << 50n), undefined),
      pids: optional(fc.bigInt(1n, 4_194_304n), undefined),
      custom: fc.constantFrom(
        {},
        {},
        { gpu: { count: 1n }, "vendor.com/a": { count: 1_000_000n } },
      ),
    })
    .map(({ cpu, memory, cpuShare, memoryShare, disk, pids, custom }) => ({
      reservation: {
        ...defined({
          cpuMillis: shareOf(cpu ?? 100n, cpuShare),
          memoryBytes: shareOf(memory ?? 1n << 20n, memoryShare),
          diskBytes: disk,
        }),
        custom,
      },
      limit: defined({ cpuMillis: cpu, memoryBytes: memory, pids }),
    }));

const shareOf = (whole: bigint, percent: bigint | undefined) =>
  percent === undefined ? undefined : (whole * percent) / 100n;

/** Leaves out what is undefined, as a decoder does. */
const defined = (fields: Record<string, bigint | undefined>): Record<string, bigint> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );

/** A command can be asked whatever the network. */
const probe = () =>
  fc.constantFrom(
    undefined,
    create(ProbeSchema, { check: { case: "exec", value: { command: ["true"] } } }),
    create(ProbeSchema, {
      check: { case: "exec", value: { command: ["sh", "-c", "x".repeat(8_000)] } },
      interval: { seconds: 3_600n },
      timeout: { nanos: 100_000_000 },
      failureThreshold: 100,
      successThreshold: 1,
      startPeriod: { seconds: 0n },
      probeFrom: ProbeFrom.WORKER,
    }),
  );

const restartPolicy = () =>
  fc.constantFrom(
    undefined,
    { mode: RestartMode.NO },
    { mode: RestartMode.ALWAYS },
    { mode: RestartMode.ON_FAILURE, restartsMax: 0 },
    { mode: RestartMode.UNLESS_STOPPED, restartsMax: 4_294_967_295 },
    {
      mode: RestartMode.ON_FAILURE,
      restartsMax: 100,
      window: { seconds: 2_592_000n },
      backoffFirst: { seconds: 0n, nanos: 1 },
      backoffMax: { seconds: 3_600n },
    },
  );

const network = () =>
  fc
    .tuple(
      fc.constantFrom(
        NetworkMode.UNSPECIFIED,
        NetworkMode.BRIDGE,
        NetworkMode.HOST,
        NetworkMode.NONE,
      ),
      fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { maxLength: 4 }),
      fc.boolean(),
      fc.constantFrom(PortProtocol.UNSPECIFIED, PortProtocol.TCP, PortProtocol.UDP),
    )
    .map(([networkMode, numbers, isFixed, protocol]) => ({
      networkMode,
      ports:
        networkMode === NetworkMode.NONE
          ? []
          : numbers.map((containerPort, index) => ({
              containerPort,
              protocol,
              name: `port-${index}`,
              ...(isFixed && { hostPort: containerPort }),
            })),
    }));
