import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { LimitsSchema, ResourcesSchema } from "../gen/berth/v1/resources_pb.ts";
import {
  NetworkMode,
  OnDisconnect,
  PullPolicy,
  type TaskSpecSchema,
} from "../gen/berth/v1/task_pb.ts";
import { createFlagReader, type FlagReader } from "./flag-reader.ts";
import { parseCpus } from "./parse/cpus.ts";
import { parseDuration } from "./parse/duration.ts";
import { type KeyValue, parseEnv, parseEnvFile, parseLabel } from "./parse/key-value.ts";
import { oneOf, parseWhole } from "./parse/parsed.ts";
import { parsePublish } from "./parse/publish.ts";
import { parseNeed } from "./parse/resource.ts";
import { parseRestart, type RestartInit } from "./parse/restart.ts";
import { parseSize } from "./parse/size.ts";
import { type PlacementFlags, placementFlagsOfFields, readPlacement } from "./placement-flags.ts";
import { type ProbeFlags, probeFlagsOfFields, readProbe } from "./probe-flags.ts";

export type TaskSpecInit = MessageInitShape<typeof TaskSpecSchema>;

/** The flags of `run` that describe the task, as they were typed. */
export type TaskSpecFlags = PlacementFlags &
  ProbeFlags &
  Readonly<{
    publish?: readonly string[];
    env?: readonly string[];
    envFile?: readonly string[];
    cpus?: string;
    memory?: string;
    reserveCpus?: string;
    reserveMemory?: string;
    reserveDisk?: string;
    reserve?: readonly string[];
    pidsLimit?: string;
    name?: string;
    label?: readonly string[];
    restart?: string;
    restartWindow?: string;
    onDisconnect?: string;
    placementTimeout?: string;
    pullTimeout?: string;
    startTimeout?: string;
    entrypoint?: string;
    workdir?: string;
    user?: string;
    network?: string;
    pull?: string;
    platform?: string;
    scheduler?: string;
    stopTimeout?: string;
    stopSignal?: string;
  }>;

/** An `--env-file` with its content. */
export type EnvFile = Readonly<{ path: string; content: string }>;

type Options = Readonly<{
  image: string;
  args: readonly string[];
  flags: TaskSpecFlags;
  envFiles: readonly EnvFile[];
  environment: Readonly<Record<string, string | undefined>>;
}>;

export const NETWORKS = {
  bridge: NetworkMode.BRIDGE,
  host: NetworkMode.HOST,
  none: NetworkMode.NONE,
} as const;

export const PULLS = {
  missing: PullPolicy.IF_NOT_PRESENT,
  always: PullPolicy.ALWAYS,
  never: PullPolicy.NEVER,
} as const;

export const DISCONNECTS = { keep: OnDisconnect.KEEP_RUNNING, stop: OnDisconnect.STOP } as const;

const PIDS_MAX = 4_194_304;

/**
 * The spec that a command line asks for. Throws one usage error with every
 * malformed flag. Whether the values make sense is the manager's to say.
 */
export function taskSpecOf(options: Options): TaskSpecInit {
  const { image, args, flags } = options;
  const reader = createFlagReader();
  const { read, readList } = reader;
  const spec: TaskSpecInit = {
    image,
    args: [...args],
    ...texts(flags),
    env: readEnv(options, reader),
    labels: Object.fromEntries(readList("--label", flags.label, parseLabel)),
    ports: [...readList("--publish", flags.publish, parsePublish)],
    ...readPlacement(flags, reader),
    ...present({
      limit: readLimit(flags, reader),
      reservation: readReservation(flags, reader),
      restartPolicy: readRestart(flags, reader),
      onDisconnect: read("--on-disconnect", flags.onDisconnect, oneOf<OnDisconnect>(DISCONNECTS)),
      networkMode: read("--network", flags.network, oneOf<NetworkMode>(NETWORKS)),
      pullPolicy: read("--pull", flags.pull, oneOf<PullPolicy>(PULLS)),
      ...readSpans(flags, reader),
      livenessProbe: readProbe("health", flags, reader),
      readinessProbe: readProbe("ready", flags, reader),
      startupProbe: readProbe("startup", flags, reader),
    }),
  };
  reader.finish();
  return spec;
}

/** What needs no parsing. */
const texts = (flags: TaskSpecFlags) =>
  present({
    name: flags.name,
    command: flags.entrypoint === undefined ? undefined : [flags.entrypoint],
    workingDir: flags.workdir,
    user: flags.user,
    platform: flags.platform,
    scheduler: flags.scheduler,
    stopSignal: flags.stopSignal,
  });

function readRestart(flags: TaskSpecFlags, { read }: FlagReader): RestartInit | undefined {
  const policy = read("--restart", flags.restart, parseRestart);
  const windowMs = read("--restart-window", flags.restartWindow, parseDuration);
  return windowMs === undefined ? policy : { ...policy, window: durationFromMs(windowMs) };
}

function readSpans(flags: TaskSpecFlags, { read }: FlagReader) {
  const span = (flag: string, text: string | undefined) =>
    mapped(read(flag, text, parseDuration), durationFromMs);
  return {
    stopGrace: span("--stop-timeout", flags.stopTimeout),
    placementTimeout: span("--placement-timeout", flags.placementTimeout),
    pullTimeout: span("--pull-timeout", flags.pullTimeout),
    startTimeout: span("--start-timeout", flags.startTimeout),
  };
}

function readLimit(
  flags: TaskSpecFlags,
  { read }: FlagReader,
): MessageInitShape<typeof LimitsSchema> | undefined {
  const parsePids = (text: string) => parseWhole(text, 1, PIDS_MAX);
  return unlessEmpty({
    cpuMillis: read("--cpus", flags.cpus, parseCpus),
    memoryBytes: read("--memory", flags.memory, parseSize),
    pids: mapped(read("--pids-limit", flags.pidsLimit, parsePids), BigInt),
  });
}

function readReservation(
  flags: TaskSpecFlags,
  { read, readList }: FlagReader,
): MessageInitShape<typeof ResourcesSchema> | undefined {
  const needs = readList("--reserve", flags.reserve, parseNeed);
  const custom = needs.map(([name, count]) => [name, { count }] as const);
  return unlessEmpty({
    cpuMillis: read("--reserve-cpus", flags.reserveCpus, parseCpus),
    memoryBytes: read("--reserve-memory", flags.reserveMemory, parseSize),
    diskBytes: read("--reserve-disk", flags.reserveDisk, parseSize),
    custom: custom.length > 0 ? Object.fromEntries(custom) : undefined,
  });
}

/** Files first, in their order, then `--env`: what is nearer to the user wins. */
function readEnv(
  { flags, envFiles, environment }: Options,
  { read, readList }: FlagReader,
): Record<string, string> {
  const fromFiles = envFiles.flatMap(
    ({ path, content }): readonly KeyValue[] =>
      read(`--env-file ${path}`, content, (text) => parseEnvFile(text, environment)) ?? [],
  );
  const fromFlags = readList("--env", flags.env, (text) => parseEnv(text, environment));
  return Object.fromEntries([...fromFiles, ...fromFlags]);
}

const mapped = <T, U>(value: T | undefined, map: (value: T) => U): U | undefined =>
  value === undefined ? undefined : map(value);

/** An object without its undefined fields. */
function present<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}

function unlessEmpty<T extends object>(fields: T) {
  const kept = present(fields);
  return Object.keys(kept).length > 0 ? kept : undefined;
}

const FLAG_OF_FIELD: readonly (readonly [field: string, flag: string])[] = [
  ["spec.image", "IMAGE"],
  ["spec.args", "ARGS"],
  ["spec.command", "--entrypoint"],
  ["spec.env", "--env"],
  ["spec.name", "--name"],
  ["spec.labels", "--label"],
  ["spec.ports", "--publish"],
  ["spec.limit.cpu_millis", "--cpus"],
  ["spec.limit.memory_bytes", "--memory"],
  ["spec.limit.pids", "--pids-limit"],
  ["spec.reservation.cpu_millis", "--reserve-cpus"],
  ["spec.reservation.memory_bytes", "--reserve-memory"],
  ["spec.reservation.disk_bytes", "--reserve-disk"],
  ["spec.reservation.custom", "--reserve"],
  ["spec.restart_policy.window", "--restart-window"],
  ["spec.restart_policy", "--restart"],
  ["spec.on_disconnect", "--on-disconnect"],
  ["spec.placement_timeout", "--placement-timeout"],
  ["spec.pull_timeout", "--pull-timeout"],
  ["spec.start_timeout", "--start-timeout"],
  ["spec.working_dir", "--workdir"],
  ["spec.user", "--user"],
  ["spec.network_mode", "--network"],
  ["spec.pull_policy", "--pull"],
  ["spec.platform", "--platform"],
  ["spec.scheduler", "--scheduler"],
  ["spec.stop_grace", "--stop-timeout"],
  ["spec.stop_signal", "--stop-signal"],
  ["request_id", "--request-id"],
  ["check_index", "--check"],
  ...placementFlagsOfFields,
  ...probeFlagsOfFields,
];

/** The flag of `run` that fills a field of SubmitTaskRequest. */
export const runFlagOfField = (field: string): string | undefined =>
  FLAG_OF_FIELD.find(([prefix]) => field === prefix || startsWithPart(field, prefix))?.[1];

const startsWithPart = (field: string, prefix: string): boolean =>
  field.startsWith(prefix) && [".", "["].includes(field[prefix.length] ?? "");
