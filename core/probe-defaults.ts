import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type Probe, ProbeFrom } from "../gen/berth/v1/probe_pb.ts";
import type { TaskSpec } from "../gen/berth/v1/task_pb.ts";
import {
  PROBE_FAILURES_DEFAULT,
  PROBE_INTERVAL_DEFAULT_MS,
  PROBE_SUCCESSES_DEFAULT,
  PROBE_TIMEOUT_DEFAULT_MS,
} from "./limits.ts";

type Probes = Partial<Pick<TaskSpec, "startupProbe" | "livenessProbe" | "readinessProbe">>;

/** The probes that a spec has, with every default of the contract filled in. */
export const withProbeDefaults = (spec: TaskSpec): Probes => ({
  ...(spec.startupProbe && { startupProbe: complete(spec.startupProbe) }),
  ...(spec.livenessProbe && { livenessProbe: complete(spec.livenessProbe) }),
  ...(spec.readinessProbe && { readinessProbe: complete(spec.readinessProbe) }),
});

const complete = (probe: Probe): Probe => ({
  ...probe,
  check: completeCheck(probe.check),
  interval: probe.interval ?? durationFromMs(PROBE_INTERVAL_DEFAULT_MS),
  timeout: probe.timeout ?? durationFromMs(PROBE_TIMEOUT_DEFAULT_MS),
  failureThreshold: probe.failureThreshold ?? PROBE_FAILURES_DEFAULT,
  successThreshold: probe.successThreshold ?? PROBE_SUCCESSES_DEFAULT,
  startPeriod: probe.startPeriod ?? durationFromMs(0),
  probeFrom: probe.probeFrom || ProbeFrom.WORKER,
});

function completeCheck(check: Probe["check"]): Probe["check"] {
  if (check.case !== "http") return check;
  const { path, statuses } = check.value;
  const value = { ...check.value, path: path || "/", statuses: statuses.length ? statuses : [200] };
  return { case: "http", value };
}
