import type { Duration } from "@bufbuild/protobuf/wkt";
import { type ExecCheck, type HttpCheck, type Probe, ProbeFrom } from "../gen/berth/v1/probe_pb.ts";
import { NetworkMode, PortProtocol, type TaskSpec } from "../gen/berth/v1/task_pb.ts";
import {
  GRPC_SERVICE_CHARACTERS_MAX,
  HTTP_PATH_CHARACTERS_MAX,
  HTTP_STATUS_MAX,
  HTTP_STATUS_MIN,
  HTTP_STATUSES_MAX,
  PORT_MAX,
  PROBE_COMMAND_BYTES_MAX,
  PROBE_COMMAND_MAX,
  PROBE_INTERVAL_MS_MAX,
  PROBE_INTERVAL_MS_MIN,
  PROBE_START_PERIOD_MS_MAX,
  PROBE_THRESHOLD_MAX,
  PROBE_TIMEOUT_MS_MAX,
  PROBE_TIMEOUT_MS_MIN,
} from "./limits.ts";
import { checkEnum, type Violations, violation } from "./validate.ts";
import { characterCount, formatBytes, hasNul, quote, utf8Length } from "./validate-text.ts";

/** The rules for the probes of a task. */
export function* checkProbes(spec: TaskSpec): Violations {
  yield* checkProbe("spec.startup_probe", spec.startupProbe, spec);
  yield* checkProbe("spec.liveness_probe", spec.livenessProbe, spec);
  yield* checkProbe("spec.readiness_probe", spec.readinessProbe, spec);
  yield* checkAskers(spec);
}

function* checkProbe(field: string, probe: Probe | undefined, spec: TaskSpec): Violations {
  if (probe === undefined) return;
  yield* checkQuestion(field, probe);
  yield* checkSpan(`${field}.interval`, probe.interval, INTERVAL);
  yield* checkSpan(`${field}.timeout`, probe.timeout, TIMEOUT);
  yield* checkThreshold(`${field}.failure_threshold`, probe.failureThreshold);
  yield* checkThreshold(`${field}.success_threshold`, probe.successThreshold);
  yield* checkSpan(`${field}.start_period`, probe.startPeriod, START_PERIOD);
  yield* checkEnum(`${field}.probe_from`, probe.probeFrom, ProbeFrom);
  yield* checkReach(field, probe, spec);
}

function* checkQuestion(field: string, { check }: Probe): Violations {
  switch (check.case) {
    case "http":
      return yield* checkHttp(`${field}.http`, check.value);
    case "tcp":
      return yield* checkPort(`${field}.tcp.port`, check.value.port);
    case "exec":
      return yield* checkExec(`${field}.exec.command`, check.value);
    case "grpc":
      yield* checkPort(`${field}.grpc.port`, check.value.port);
      return yield* checkLength(`${field}.grpc.service`, check.value.service, {
        max: GRPC_SERVICE_CHARACTERS_MAX,
      });
    case undefined:
      yield violation(`${field}.check`, "is required: set one of http, tcp, exec and grpc");
  }
}

function* checkPort(field: string, port: number): Violations {
  if (Number.isInteger(port) && port >= 1 && port <= PORT_MAX) return;
  yield violation(field, `is ${port}: must be 1 to ${PORT_MAX}`);
}

function* checkHttp(field: string, { port, path, statuses }: HttpCheck): Violations {
  yield* checkPort(`${field}.port`, port);
  yield* checkLength(`${field}.path`, path, { max: HTTP_PATH_CHARACTERS_MAX });
  if (path !== "" && !/^\/[!-~]*$/.test(path)) {
    yield violation(
      `${field}.path`,
      `is ${quote(path)}: must begin with / and have only printable ASCII characters and no ` +
        "space: escape others with %",
    );
  }
  if (statuses.length > HTTP_STATUSES_MAX) {
    const description = `has ${statuses.length} entries: must be at most ${HTTP_STATUSES_MAX}`;
    yield violation(`${field}.statuses`, description);
    return;
  }
  for (const [index, status] of statuses.entries()) {
    if (status >= HTTP_STATUS_MIN && status <= HTTP_STATUS_MAX) continue;
    yield violation(
      `${field}.statuses[${index}]`,
      `is ${status}: must be ${HTTP_STATUS_MIN} to ${HTTP_STATUS_MAX}`,
    );
  }
}

function* checkExec(field: string, { command }: ExecCheck): Violations {
  if (command.length === 0) yield violation(field, "is required: name a program");
  if (command[0] === "") yield violation(`${field}[0]`, "is empty: name a program");
  if (command.length > PROBE_COMMAND_MAX) {
    const description = `has ${command.length} entries: must be at most ${PROBE_COMMAND_MAX}`;
    yield violation(field, description);
    return;
  }
  const bytes = command.reduce((sum, text) => sum + utf8Length(text), 0);
  if (bytes > PROBE_COMMAND_BYTES_MAX) {
    const [value, max] = [formatBytes(bytes), formatBytes(PROBE_COMMAND_BYTES_MAX)];
    yield violation(field, `takes ${value}: must be at most ${max}`);
  }
  for (const [index, text] of command.entries()) {
    if (hasNul(text)) yield violation(`${field}[${index}]`, "has a NUL character: leave it out");
  }
}

function* checkLength(field: string, text: string, { max }: Readonly<{ max: number }>): Violations {
  const count = characterCount(text);
  if (count > max) yield violation(field, `has ${count} characters: must be at most ${max}`);
  if (hasNul(text)) yield violation(field, "has a NUL character: leave it out");
}

type Span = Readonly<{ minMs: number; maxMs: number }>;

const INTERVAL: Span = { minMs: PROBE_INTERVAL_MS_MIN, maxMs: PROBE_INTERVAL_MS_MAX };
const TIMEOUT: Span = { minMs: PROBE_TIMEOUT_MS_MIN, maxMs: PROBE_TIMEOUT_MS_MAX };
const START_PERIOD: Span = { minMs: 0, maxMs: PROBE_START_PERIOD_MS_MAX };

function* checkSpan(
  field: string,
  duration: Duration | undefined,
  { minMs, maxMs }: Span,
): Violations {
  if (duration === undefined) return;
  const { seconds, nanos } = duration;
  const isWhole = nanos >= 0 && nanos < 1e9;
  const ms = Number(seconds) * 1_000 + nanos / 1e6;
  if (isWhole && ms >= minMs && ms <= maxMs) return;
  yield violation(
    field,
    `is ${seconds} s and ${nanos} ns: must be ${minMs / 1_000} to ${maxMs / 1_000} s`,
  );
}

function* checkThreshold(field: string, threshold: number | undefined): Violations {
  if (threshold === undefined || (threshold >= 1 && threshold <= PROBE_THRESHOLD_MAX)) return;
  yield violation(field, `is ${threshold}: must be 1 to ${PROBE_THRESHOLD_MAX}`);
}

/** Whether whoever asks can reach what is asked. */
function* checkReach(field: string, probe: Probe, spec: TaskSpec): Violations {
  const kind = probe.check.case;
  if (kind === undefined) return;
  if (kind !== "exec" && spec.networkMode === NetworkMode.NONE) {
    yield violation(
      `${field}.${kind}`,
      "cannot be asked without a network: use exec or another network mode",
    );
    return;
  }
  if (probe.probeFrom !== ProbeFrom.MANAGER) return;
  if (kind === "exec") {
    const description = "is MANAGER: a command runs in the container, so the worker must ask";
    yield violation(`${field}.probe_from`, description);
  } else if (!isPublished(probe, spec)) {
    yield violation(
      `${field}.${kind}.port`,
      `is ${portOf(probe)}, which the task does not publish over TCP: the manager cannot reach it`,
    );
  }
}

const portOf = ({ check }: Probe): number | undefined =>
  check.case === undefined || check.case === "exec" ? undefined : check.value.port;

const isPublished = (probe: Probe, { ports }: TaskSpec): boolean =>
  ports.some(
    ({ containerPort, protocol }) =>
      containerPort === portOf(probe) && protocol !== PortProtocol.UDP,
  );

/** The worker is not told when the manager has seen a container start up. */
function* checkAskers({ startupProbe, livenessProbe, readinessProbe }: TaskSpec): Violations {
  if (startupProbe?.probeFrom !== ProbeFrom.MANAGER) return;
  const others = [livenessProbe, readinessProbe].filter((probe) => probe !== undefined);
  if (others.every(({ probeFrom }) => probeFrom === ProbeFrom.MANAGER)) return;
  yield violation(
    "spec.startup_probe.probe_from",
    "is MANAGER although the worker asks another probe, which has to wait for this one: " +
      "have one of them ask all",
  );
}
