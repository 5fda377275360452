import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { PROBE_THRESHOLD_MAX } from "../core/limits.ts";
import { ProbeFrom, type ProbeSchema } from "../gen/berth/v1/probe_pb.ts";
import type { FlagReader } from "./flag-reader.ts";
import { parseDuration } from "./parse/duration.ts";
import { oneOf, parsed, parseWhole } from "./parse/parsed.ts";
import { parseGrpcTarget, parseHttpTarget, parsePort } from "./parse/probe.ts";

/** The probes as the flags call them, and the fields of the spec that they fill. */
export const PROBE_NAMES = ["health", "ready", "startup"] as const;
export type ProbeName = (typeof PROBE_NAMES)[number];

const FIELDS = {
  health: "liveness_probe",
  ready: "readiness_probe",
  startup: "startup_probe",
} as const;

type Setting = "Interval" | "Timeout" | "Retries" | "StartPeriod" | "From";

/** The flags of `run` that describe probes, as they were typed. */
export type ProbeFlags = Readonly<
  Partial<Record<`${ProbeName}${"Cmd" | "Http" | "Tcp" | "Grpc" | Setting}`, string>>
>;

type ProbeInit = MessageInitShape<typeof ProbeSchema>;
type CheckInit = NonNullable<ProbeInit["check"]>;

const ASKERS = { worker: ProbeFrom.WORKER, manager: ProbeFrom.MANAGER } as const;

/** The probe that the flags with this name ask for. Undefined when none of them was given. */
export function readProbe(
  name: ProbeName,
  flags: ProbeFlags,
  reader: FlagReader,
): ProbeInit | undefined {
  const checks = readChecks(name, flags, reader);
  const settings = readSettings(name, flags, reader);
  if (checks.given > 1)
    reader.complain(`--${name}-*: only one of ${kindsOf(name)} can be asked: leave out the others`);
  if (checks.given === 0 && Object.keys(settings).length > 0)
    reader.complain(`--${name}-*: nothing is asked: add one of ${kindsOf(name)}`);
  return checks.check && { check: checks.check, ...settings };
}

const kindsOf = (name: ProbeName) =>
  ["cmd", "http", "tcp", "grpc"].map((kind) => `--${name}-${kind}`).join(", ");

function readChecks(name: ProbeName, flags: ProbeFlags, { read }: FlagReader) {
  const texts = [
    flags[`${name}Cmd`],
    flags[`${name}Http`],
    flags[`${name}Tcp`],
    flags[`${name}Grpc`],
  ];
  const [cmd, http, tcp, grpc] = texts;
  const shell = (text: string) => parsed(["/bin/sh", "-c", text]);
  const checks = [
    wrapped(
      read(`--${name}-cmd`, cmd, shell),
      (command): CheckInit => ({ case: "exec", value: { command } }),
    ),
    wrapped(
      read(`--${name}-http`, http, parseHttpTarget),
      (value): CheckInit => ({ case: "http", value }),
    ),
    wrapped(
      read(`--${name}-tcp`, tcp, parsePort),
      (port): CheckInit => ({ case: "tcp", value: { port } }),
    ),
    wrapped(
      read(`--${name}-grpc`, grpc, parseGrpcTarget),
      (value): CheckInit => ({ case: "grpc", value }),
    ),
  ];
  return {
    given: texts.filter((text) => text !== undefined).length,
    check: checks.find((check) => check !== undefined),
  };
}

const wrapped = <T>(value: T | undefined, wrap: (value: T) => CheckInit) =>
  value === undefined ? undefined : wrap(value);

function readSettings(name: ProbeName, flags: ProbeFlags, { read }: FlagReader) {
  const interval = read(`--${name}-interval`, flags[`${name}Interval`], parseDuration);
  const timeout = read(`--${name}-timeout`, flags[`${name}Timeout`], parseDuration);
  const startPeriod = read(`--${name}-start-period`, flags[`${name}StartPeriod`], parseDuration);
  const retries = read(`--${name}-retries`, flags[`${name}Retries`], (text) =>
    parseWhole(text, 1, PROBE_THRESHOLD_MAX),
  );
  const from = read(`--${name}-from`, flags[`${name}From`], oneOf<ProbeFrom>(ASKERS));
  return {
    ...(interval !== undefined && { interval: durationFromMs(interval) }),
    ...(timeout !== undefined && { timeout: durationFromMs(timeout) }),
    ...(startPeriod !== undefined && { startPeriod: durationFromMs(startPeriod) }),
    ...(retries !== undefined && { failureThreshold: retries }),
    ...(from !== undefined && { probeFrom: from }),
  };
}

/** What `--NAME-WORD` fills, so that the manager's objections can be told by flag. */
const WORDS = {
  exec: "cmd",
  http: "http",
  tcp: "tcp",
  grpc: "grpc",
  interval: "interval",
  timeout: "timeout",
  start_period: "start-period",
  failure_threshold: "retries",
  probe_from: "from",
} as const;

/** The flag for each field that a flag fills. */
export const probeFlagsOfFields: readonly (readonly [field: string, flag: string])[] =
  PROBE_NAMES.flatMap((name) =>
    Object.entries(WORDS).map(
      ([field, word]) => [`spec.${FIELDS[name]}.${field}`, `--${name}-${word}`] as const,
    ),
  );
