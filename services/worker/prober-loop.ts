import {
  beginCheckup,
  type CheckResult,
  type Checkup,
  dueMsOf,
  hasFailed,
  PROBE_KINDS,
  type ProbeKind,
  record,
  vitalsOf,
} from "../../core/probe.ts";
import { type ProbePlan, questionOf, rulesOf } from "../../core/probe-plan.ts";
import type { Vitals } from "../../core/vitals.ts";
import { runAgenda } from "../../lib/agenda.ts";
import { timedCheck } from "../../lib/checks/timed-check.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import type { Turnstile } from "../../lib/turnstile.ts";
import type { ProbeCalls } from "./prober-calls.ts";
import type { AttemptKey } from "./runtime.ts";

export type ProbeDeps = Readonly<{
  calls: ProbeCalls;
  /** Bound how many questions the worker asks at a time. Waiting there is not counted as time. */
  turnstiles: Readonly<{ network: Turnstile; exec: Turnstile }>;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/** A running container, and what it is to be asked. */
export type Patient = Readonly<{
  key: AttemptKey;
  plan: ProbePlan;
  containerId: string;
  /** Where it is now: a container may be moved to another address while it runs. */
  address: () => string;
  ageMs: number;
  adopted: boolean;
}>;

/**
 * Asks a container its questions until one has failed for good or `signal` aborts. Tells of the
 * vitals after each check.
 */
export function runProbes(
  patient: Patient,
  deps: ProbeDeps & Readonly<{ onVitals: (vitals: Vitals) => void }>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, onVitals } = deps;
  const nowMs = clock.monotonic();
  const { plan, ageMs, adopted } = patient;
  const beginning = { startMs: nowMs - ageMs, nowMs, jitter: random(), adopted };
  const agenda = {
    keys: PROBE_KINDS,
    first: beginCheckup(rulesOf(plan), beginning),
    dueMsOf,
    act: (kind: ProbeKind) => check(patient, kind, deps, signal),
    onState: (checkup: Checkup) => onVitals(vitalsOf(checkup)),
  };
  return runAgenda(agenda, clock, signal);
}

async function check(
  patient: Patient,
  kind: ProbeKind,
  { clock, calls, turnstiles, log }: ProbeDeps,
  signal: AbortSignal,
): Promise<(checkup: Checkup) => Checkup> {
  const { key, plan, containerId, address } = patient;
  const probe = plan[kind];
  const question = probe && questionOf(probe);
  const timeoutMs = rulesOf(plan)[kind]?.timeoutMs ?? 0;
  let beginMs = clock.monotonic();
  const ask = async (cut: AbortSignal): Promise<CheckResult> => {
    if (!question) return { kind: "unasked", message: "this worker does not know such a check" };
    const asked = { key, kind, question, containerId, address: address(), timeoutMs };
    return calls.ask(asked, cut);
  };
  const turnstile = question?.kind === "exec" ? turnstiles.exec : turnstiles.network;
  const result = await turnstile.pass(() => {
    beginMs = clock.monotonic();
    return timedCheck(ask, { clock, timeoutMs, signal });
  }, signal);
  if (!result) return (checkup) => checkup;
  if (result.kind !== "passed") log.debug({ ...key, probe: kind, ...result }, "probe not passed");
  const endMs = clock.monotonic();
  return (checkup) =>
    hasFailed(checkup) ? checkup : record(checkup, { kind, result, beginMs, endMs });
}
