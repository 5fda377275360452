import { Health } from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import type { Vitals } from "./vitals.ts";

/** The three questions that a container may be asked again and again. */
export type ProbeKind = "startup" | "liveness" | "readiness";

/** In the order in which they are asked. */
export const PROBE_KINDS = ["startup", "liveness", "readiness"] as const;

/** When a probe is asked, and what its answers amount to. */
export type ProbeRules = Readonly<{
  intervalMs: number;
  timeoutMs: number;
  failureThreshold: number;
  successThreshold: number;
  startPeriodMs: number;
}>;

/** The probes that one asker has to ask of one container. */
export type RulesByKind = Readonly<Partial<Record<ProbeKind, ProbeRules>>>;

/**
 * What became of one check. `unasked`: the question did not reach the container, so the check
 * says nothing about it; it is asked again and nothing is counted.
 */
export type CheckResult =
  | Readonly<{ kind: "passed" }>
  | Readonly<{ kind: "failed"; message: string }>
  | Readonly<{ kind: "unasked"; message: string }>;

/** What the answers to one probe amount to so far. */
type Tally = Readonly<{
  /** `fails` is for good, but for a readiness probe. */
  verdict: "open" | "succeeds" | "fails";
  /** In a row; at most one of the two is above 0. Failures in the start period do not count. */
  successes: number;
  failures: number;
  hasPassed: boolean;
  /** What the latest check said if it failed. Empty otherwise. */
  message: string;
  /** When that was. */
  failMs: number;
  /** When it is asked next. */
  dueMs: number;
}>;

/** Where the probes of one container stand. A value: whoever learns more makes a new one. */
export type Checkup = Readonly<{
  rules: RulesByKind;
  /** When the container started. All times of a checkup are of the same clock, which never jumps. */
  startMs: number;
  tallies: Readonly<Partial<Record<ProbeKind, Tally>>>;
}>;

type Beginning = Readonly<{
  startMs: number;
  nowMs: number;
  /** In [0, 1): spreads the first checks of containers that are met together. */
  jitter: number;
  /**
   * Whether the container is older than whoever asks, so that earlier answers are forgotten. It is
   * taken for started up once its startup probe would have failed for good, for healthy once its
   * start period is over, and for ready until its readiness probe fails once: a restarted worker
   * withdraws no endpoint without a reason.
   */
  adopted: boolean;
}>;

/** The longest wait before a first check: long enough to spread, short enough not to be felt. */
export const FIRST_CHECK_MS_MAX = 1_000;

/** The probes of a container before anybody has asked. */
export function beginCheckup(rules: RulesByKind, beginning: Beginning): Checkup {
  const tallies = PROBE_KINDS.flatMap((kind) => {
    const rule = rules[kind];
    return rule ? [[kind, firstTally(kind, rule, beginning)] as const] : [];
  });
  return { rules, startMs: beginning.startMs, tallies: Object.fromEntries(tallies) };
}

function firstTally(kind: ProbeKind, rules: ProbeRules, beginning: Beginning): Tally {
  const { startMs, nowMs, jitter, adopted } = beginning;
  const dueMs = nowMs + jitter * Math.min(rules.intervalMs, FIRST_CHECK_MS_MAX);
  const counts = { successes: 0, failures: 0, message: "", failMs: 0, dueMs };
  const isKnown = adopted && kind === "startup" && nowMs - startMs > patienceMs(rules);
  if (isKnown) return { ...counts, verdict: "succeeds", hasPassed: true };
  if (adopted && kind === "readiness")
    return {
      ...counts,
      verdict: "succeeds",
      hasPassed: true,
      failures: rules.failureThreshold - 1,
    };
  const isOld = adopted && nowMs - startMs > rules.startPeriodMs;
  return { ...counts, verdict: "open", hasPassed: isOld && kind === "liveness" };
}

/** How long after a start a probe has failed for good at the latest, if it never passed. */
const patienceMs = (rules: ProbeRules): number =>
  rules.startPeriodMs + rules.failureThreshold * (rules.intervalMs + rules.timeoutMs);

/** When a probe is to be asked next. Undefined while, or once, it is not asked at all. */
export function dueMsOf(checkup: Checkup, kind: ProbeKind): number | undefined {
  const tally = checkup.tallies[kind];
  if (!tally || hasFailed(checkup)) return undefined;
  const isItsTurn = (kind === "startup") !== hasStartedUp(checkup);
  return isItsTurn ? tally.dueMs : undefined;
}

type Check = Readonly<{
  kind: ProbeKind;
  result: CheckResult;
  /** When it was begun: that decides whether it falls into the start period. */
  beginMs: number;
  endMs: number;
}>;

/** Takes the result of a check in. */
export function record(checkup: Checkup, check: Check): Checkup {
  const { kind, result, beginMs, endMs } = check;
  const [rules, before] = [checkup.rules[kind], checkup.tallies[kind]];
  assert(rules && before, `there is no ${kind} probe`);
  const isEarly = !before.hasPassed && beginMs - checkup.startMs < rules.startPeriodMs;
  const after = {
    ...judge(before, { result, rules, isEarly, endMs }),
    dueMs: endMs + rules.intervalMs,
  };
  const next = { ...checkup, tallies: { ...checkup.tallies, [kind]: after } };
  return kind === "startup" && hasStartedUp(next) ? askRestAt(next, endMs) : next;
}

type Finding = Readonly<{
  result: CheckResult;
  rules: ProbeRules;
  isEarly: boolean;
  endMs: number;
}>;

function judge(tally: Tally, { result, rules, isEarly, endMs }: Finding): Tally {
  switch (result.kind) {
    case "unasked":
      return tally;
    case "passed": {
      const successes = tally.successes + 1;
      const verdict = successes >= rules.successThreshold ? "succeeds" : tally.verdict;
      return { ...tally, verdict, successes, failures: 0, hasPassed: true, message: "" };
    }
    case "failed": {
      const failures = isEarly ? 0 : tally.failures + 1;
      const verdict = failures >= rules.failureThreshold ? "fails" : tally.verdict;
      return { ...tally, verdict, successes: 0, failures, message: result.message, failMs: endMs };
    }
  }
}

/** The container has just started up: what else there is to ask is asked now. */
function askRestAt(checkup: Checkup, nowMs: number): Checkup {
  const { liveness, readiness, startup } = checkup.tallies;
  return {
    ...checkup,
    tallies: {
      ...(startup && { startup }),
      ...(liveness && { liveness: { ...liveness, dueMs: nowMs } }),
      ...(readiness && { readiness: { ...readiness, dueMs: nowMs } }),
    },
  };
}

/** Whether a probe has failed for good: nothing is asked any more. */
export const hasFailed = ({ tallies }: Checkup): boolean =>
  tallies.startup?.verdict === "fails" || tallies.liveness?.verdict === "fails";

const hasStartedUp = ({ tallies }: Checkup): boolean =>
  (tallies.startup?.verdict ?? "succeeds") === "succeeds";

/** What the probes say, as far as they have been asked. */
export function vitalsOf(checkup: Checkup): Vitals {
  const { readiness } = checkup.tallies;
  const isServing = (readiness?.verdict ?? "succeeds") === "succeeds";
  return {
    health: healthOf(checkup),
    ready: hasStartedUp(checkup) && !hasFailed(checkup) && isServing,
    probeMessage: latestFailure(checkup),
  };
}

function healthOf(checkup: Checkup): Health {
  const { startup, liveness } = checkup.tallies;
  if (!startup && !liveness) return Health.UNSPECIFIED;
  if (hasFailed(checkup)) return Health.UNHEALTHY;
  const isUnheard = liveness !== undefined && !liveness.hasPassed && liveness.failures === 0;
  return !hasStartedUp(checkup) || isUnheard ? Health.STARTING : Health.HEALTHY;
}

function latestFailure({ tallies }: Checkup): string {
  let latest = { message: "", failMs: Number.NEGATIVE_INFINITY };
  for (const kind of PROBE_KINDS) {
    const tally = tallies[kind];
    if (!tally || tally.message === "" || tally.failMs < latest.failMs) continue;
    latest = { message: `${kind} probe: ${tally.message}`, failMs: tally.failMs };
  }
  return latest.message;
}
