import { type Probe, ProbeFrom } from "../gen/berth/v1/probe_pb.ts";
import type { TaskSpec } from "../gen/berth/v1/task_pb.ts";
import {
  PROBE_FAILURES_DEFAULT,
  PROBE_INTERVAL_DEFAULT_MS,
  PROBE_SUCCESSES_DEFAULT,
  PROBE_TIMEOUT_DEFAULT_MS,
} from "./limits.ts";
import {
  beginCheckup,
  PROBE_KINDS,
  type ProbeKind,
  type ProbeRules,
  type RulesByKind,
  vitalsOf,
} from "./probe.ts";
import { toMillis } from "./time.ts";
import { UNPROBED, type Vitals } from "./vitals.ts";

/** The probes of a task that one asker asks. */
export type ProbePlan = Readonly<Partial<Record<ProbeKind, Probe>>>;

/** The parts of a spec that say how a container is probed. */
export type ProbedSpec = Pick<TaskSpec, "startupProbe" | "livenessProbe" | "readinessProbe">;

/** Those of a task's probes that `asker` asks. */
export function planOf(spec: ProbedSpec, asker: ProbeFrom): ProbePlan {
  const probes = {
    startup: spec.startupProbe,
    liveness: spec.livenessProbe,
    readiness: spec.readinessProbe,
  };
  const asked = Object.entries(probes).filter(
    ([, probe]) => probe && (probe.probeFrom || ProbeFrom.WORKER) === asker,
  );
  return Object.fromEntries(asked);
}

export const isEmptyPlan = (plan: ProbePlan): boolean => PROBE_KINDS.every((kind) => !plan[kind]);

export function rulesOf(plan: ProbePlan): RulesByKind {
  const rules = PROBE_KINDS.flatMap((kind) => {
    const probe = plan[kind];
    return probe ? [[kind, probeRules(probe)] as const] : [];
  });
  return Object.fromEntries(rules);
}

const probeRules = (probe: Probe): ProbeRules => ({
  intervalMs: probe.interval ? toMillis(probe.interval) : PROBE_INTERVAL_DEFAULT_MS,
  timeoutMs: probe.timeout ? toMillis(probe.timeout) : PROBE_TIMEOUT_DEFAULT_MS,
  failureThreshold: probe.failureThreshold ?? PROBE_FAILURES_DEFAULT,
  successThreshold: probe.successThreshold ?? PROBE_SUCCESSES_DEFAULT,
  startPeriodMs: probe.startPeriod ? toMillis(probe.startPeriod) : 0,
});

/** What there is to say of a container before anybody has asked it. */
export function firstVitals(
  plan: ProbePlan,
  { ageMs, adopted }: Readonly<{ ageMs: number; adopted: boolean }>,
): Vitals {
  if (isEmptyPlan(plan)) return UNPROBED;
  const moment = { startMs: 0, nowMs: ageMs, jitter: 0, adopted };
  return vitalsOf(beginCheckup(rulesOf(plan), moment));
}

/** What a container is asked, apart from where it is. */
export type Question = Readonly<{ kind: "exec"; command: readonly string[] }> | PortQuestion;

/** What is asked of one of its ports. */
export type PortQuestion =
  | Readonly<{ kind: "http"; port: number; path: string; statuses: readonly number[] }>
  | Readonly<{ kind: "tcp"; port: number }>
  | Readonly<{ kind: "grpc"; port: number; service: string }>;

const STATUSES_DEFAULT = [200];

/** What a probe asks. Undefined for a kind of check that this version does not know. */
export function questionOf({ check }: Probe): Question | undefined {
  switch (check.case) {
    case "exec":
      return { kind: "exec", command: check.value.command };
    case "http": {
      const { port, path, statuses } = check.value;
      const wanted = statuses.length > 0 ? statuses : STATUSES_DEFAULT;
      return { kind: "http", port, path: path || "/", statuses: wanted };
    }
    case "tcp":
      return { kind: "tcp", port: check.value.port };
    case "grpc":
      return { kind: "grpc", port: check.value.port, service: check.value.service };
    case undefined:
      return undefined;
  }
}
