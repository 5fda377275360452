import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Health } from "../gen/berth/v1/task_pb.ts";
import {
  beginCheckup,
  type CheckResult,
  type Checkup,
  dueMsOf,
  FIRST_CHECK_MS_MAX,
  hasFailed,
  PROBE_KINDS,
  type ProbeKind,
  type ProbeRules,
  type RulesByKind,
  record,
  vitalsOf,
} from "./probe.ts";

const rule = (changes: Partial<ProbeRules> = {}): ProbeRules => ({
  intervalMs: 1_000,
  timeoutMs: 500,
  failureThreshold: 3,
  successThreshold: 1,
  startPeriodMs: 0,
  ...changes,
});

const begin = (rules: RulesByKind, changes = {}) =>
  beginCheckup(rules, { startMs: 0, nowMs: 0, jitter: 0, adopted: false, ...changes });

const passed: CheckResult = { kind: "passed" };
const failed = (message = "no"): CheckResult => ({ kind: "failed", message });
const unasked: CheckResult = { kind: "unasked", message: "the engine is silent" };

/** Records results one after the other, each when it is due. */
function go(checkup: Checkup, kind: ProbeKind, ...results: readonly CheckResult[]): Checkup {
  return results.reduce((now, result) => {
    const beginMs = dueMsOf(now, kind) ?? 0;
    return record(now, { kind, result, beginMs, endMs: beginMs + 10 });
  }, checkup);
}

describe("a liveness probe", () => {
  const fresh = begin({ liveness: rule() });

  test("is starting until it is first heard of, then healthy", () => {
    expect(vitalsOf(fresh)).toEqual({ health: Health.STARTING, ready: true, probeMessage: "" });
    expect(vitalsOf(go(fresh, "liveness", passed)).health).toBe(Health.HEALTHY);
  });

  test("fails for good after its threshold of failures in a row", () => {
    const twice = go(fresh, "liveness", failed(), failed());
    expect(vitalsOf(twice)).toEqual({
      health: Health.HEALTHY,
      ready: true,
      probeMessage: "liveness probe: no",
    });
    expect(hasFailed(go(twice, "liveness", passed, failed(), failed()))).toBe(false);
    const thrice = go(twice, "liveness", failed("still no"));
    expect(vitalsOf(thrice)).toEqual({
      health: Health.UNHEALTHY,
      ready: false,
      probeMessage: "liveness probe: still no",
    });
    expect(dueMsOf(thrice, "liveness")).toBeUndefined();
  });

  test("has its message cleared by a success", () => {
    expect(vitalsOf(go(fresh, "liveness", failed(), passed)).probeMessage).toBe("");
  });

  test("does not count failures that began in the start period, until it has passed once", () => {
    const slow = begin({ liveness: rule({ startPeriodMs: 10_000, failureThreshold: 1 }) });
    const early = record(slow, {
      kind: "liveness",
      result: failed(),
      beginMs: 9_999,
      endMs: 10_400,
    });
    expect(vitalsOf(early)).toMatchObject({
      health: Health.STARTING,
      probeMessage: "liveness probe: no",
    });
    const late = record(early, {
      kind: "liveness",
      result: failed(),
      beginMs: 10_000,
      endMs: 10_010,
    });
    expect(hasFailed(late)).toBe(true);
    expect(hasFailed(go(slow, "liveness", passed, failed()))).toBe(true);
  });

  test("counts nothing that was not asked, and is asked again", () => {
    const eager = begin({ liveness: rule({ failureThreshold: 1 }) });
    const after = go(eager, "liveness", unasked, unasked);
    expect(vitalsOf(after)).toEqual(vitalsOf(eager));
    expect(dueMsOf(after, "liveness")).toBe(2_020);
  });
});

describe("a readiness probe", () => {
  const rules = { readiness: rule({ failureThreshold: 2, successThreshold: 2 }) };

  test("is not ready before its threshold of successes, and goes to and fro for ever", () => {
    const fresh = begin(rules);
    expect(vitalsOf(fresh)).toEqual({ health: Health.UNSPECIFIED, ready: false, probeMessage: "" });
    const up = go(fresh, "readiness", passed, passed);
    expect(vitalsOf(up).ready).toBe(true);
    expect(vitalsOf(go(up, "readiness", failed())).ready).toBe(true);
    const down = go(up, "readiness", failed(), failed());
    expect(vitalsOf(down)).toMatchObject({ health: Health.UNSPECIFIED, ready: false });
    expect(vitalsOf(go(down, "readiness", passed)).ready).toBe(false);
    expect(vitalsOf(go(down, "readiness", passed, passed)).ready).toBe(true);
  });

  test("is taken for ready in an adopted container until it fails once", () => {
    const met = begin(rules, { startMs: -60_000, adopted: true });
    expect(vitalsOf(met).ready).toBe(true);
    expect(vitalsOf(go(met, "readiness", failed())).ready).toBe(false);
    expect(vitalsOf(go(met, "readiness", passed, failed())).ready).toBe(true);
  });
});

describe("a startup probe", () => {
  const rules = { startup: rule(), liveness: rule(), readiness: rule() };

  test("is asked alone until it succeeds, then never again", () => {
    const fresh = begin(rules);
    expect(PROBE_KINDS.filter((kind) => dueMsOf(fresh, kind) !== undefined)).toEqual(["startup"]);
    expect(vitalsOf(fresh)).toMatchObject({ health: Health.STARTING, ready: false });
    const started = go(fresh, "startup", failed(), passed);
    expect(dueMsOf(started, "startup")).toBeUndefined();
    expect(dueMsOf(started, "liveness")).toBe(1_020);
    expect(dueMsOf(started, "readiness")).toBe(1_020);
    const serving = go(go(started, "liveness", passed), "readiness", passed);
    expect(vitalsOf(serving)).toEqual({ health: Health.HEALTHY, ready: true, probeMessage: "" });
  });

  test("fails for good", () => {
    const late = go(begin(rules), "startup", failed(), failed(), failed());
    expect(vitalsOf(late)).toMatchObject({ health: Health.UNHEALTHY, ready: false });
  });

  test("has been passed by an adopted container that is too old for it to be pending", () => {
    const patienceMs = 3 * (1_000 + 500);
    const young = begin(rules, { startMs: -patienceMs, adopted: true });
    expect(dueMsOf(young, "startup")).toBeDefined();
    const old = begin(rules, { startMs: -patienceMs - 1, adopted: true });
    expect(dueMsOf(old, "startup")).toBeUndefined();
    expect(vitalsOf(old)).toMatchObject({ health: Health.HEALTHY, ready: true });
  });
});

describe("whatever happens", () => {
  const anyRule = fc.record({
    intervalMs: fc.integer({ min: 100, max: 10_000 }),
    timeoutMs: fc.integer({ min: 100, max: 5_000 }),
    failureThreshold: fc.integer({ min: 1, max: 4 }),
    successThreshold: fc.integer({ min: 1, max: 4 }),
    startPeriodMs: fc.integer({ min: 0, max: 20_000 }),
  });
  const anyRules = fc.record(
    { startup: anyRule, liveness: anyRule, readiness: anyRule },
    { requiredKeys: [] },
  ) as fc.Arbitrary<RulesByKind>;
  const anyResult = fc.constantFrom(passed, failed("a"), failed("b"), unasked);
  const anyRun = fc.record({
    rules: anyRules,
    adopted: fc.boolean(),
    ageMs: fc.integer({ min: 0, max: 60_000 }),
    jitter: fc.double({ min: 0, max: 0.99, noNaN: true }),
    steps: fc.array(fc.tuple(anyResult, fc.integer({ min: 0, max: 5_000 })), {
      maxLength: 40,
    }),
  });

  type Run = typeof anyRun extends fc.Arbitrary<infer R> ? R : never;
  type Step = Readonly<{ before: Checkup; after: Checkup; kind: ProbeKind; result: CheckResult }>;

  const nextOf = (checkup: Checkup): ProbeKind | undefined => {
    const due = PROBE_KINDS.filter((kind) => dueMsOf(checkup, kind) !== undefined);
    const timeOf = (kind: ProbeKind) => dueMsOf(checkup, kind) ?? 0;
    return due.sort((a, b) => timeOf(a) - timeOf(b))[0];
  };

  /** Asks what is due, one after the other, and tells of each step. */
  function play({ rules, adopted, ageMs, jitter, steps }: Run): readonly Step[] {
    let before = beginCheckup(rules, { startMs: 0, nowMs: ageMs, jitter, adopted });
    const played: Step[] = [];
    for (const [result, tookMs] of steps) {
      const kind = nextOf(before);
      if (!kind) break;
      const beginMs = dueMsOf(before, kind) ?? 0;
      const after = record(before, { kind, result, beginMs, endMs: beginMs + tookMs });
      played.push({ before, after, kind, result });
      before = after;
    }
    return played;
  }

  const always = (law: (step: Step) => void) =>
    fc.assert(fc.property(anyRun, (run) => play(run).forEach(law)));

  test("safety: what failed for good stays so, is not ready and is asked no more", () => {
    always(({ after }) => {
      if (!hasFailed(after)) return;
      expect(vitalsOf(after)).toMatchObject({ health: Health.UNHEALTHY, ready: false });
      expect(PROBE_KINDS.filter((kind) => dueMsOf(after, kind) !== undefined)).toEqual([]);
    });
  });

  test("safety: only a failure makes unhealthy, and only a success makes ready", () => {
    always(({ before, after, result }) => {
      if (hasFailed(after)) expect(result.kind).toBe("failed");
      if (!vitalsOf(before).ready && vitalsOf(after).ready) expect(result.kind).toBe("passed");
    });
  });

  test("safety: a failing readiness probe never makes unhealthy", () => {
    always(({ before, after, kind }) => {
      if (kind === "readiness") expect(vitalsOf(after).health).toBe(vitalsOf(before).health);
    });
  });

  test("safety: a message stands if and only if some probe's latest check failed", () => {
    always(({ after, kind, result }) => {
      if (result.kind === "failed") expect(vitalsOf(after).probeMessage).not.toBe("");
      if (result.kind === "passed") {
        expect(vitalsOf(after).probeMessage.startsWith(`${kind} probe`)).toBe(false);
      }
    });
  });

  test("liveness: what has not failed has something due, an interval after the last check", () => {
    always(({ before, after, kind }) => {
      if (hasFailed(after)) return;
      const dueMs = dueMsOf(after, kind);
      if (dueMs === undefined) expect(kind).toBe("startup");
      else expect(dueMs).toBeGreaterThan(dueMsOf(before, kind) ?? 0);
    });
  });

  test("settles: passes for ever make healthy and ready, failures for ever unhealthy", () => {
    fc.assert(
      fc.property(anyRun, fc.boolean(), ({ steps: _, ...run }, good) => {
        const steps = Array.from({ length: 600 }, () => {
          const result = good ? passed : failed();
          return [result, 10] as [CheckResult, number];
        });
        const last = play({ ...run, steps }).at(-1)?.after;
        if (!last) return;
        const { health, ready } = vitalsOf(last);
        const isProbed = run.rules.startup ?? run.rules.liveness;
        const end = good ? Health.HEALTHY : Health.UNHEALTHY;
        expect(ready).toBe(good);
        const startedOnly = !good && !run.rules.liveness && !hasFailed(last);
        if (startedOnly) expect(dueMsOf(last, "startup")).toBeUndefined();
        else expect(health).toBe(isProbed ? end : Health.UNSPECIFIED);
      }),
    );
  });

  test("the first check comes soon, and never before the beginning", () => {
    fc.assert(
      fc.property(anyRun, ({ rules, adopted, ageMs, jitter }) => {
        const first = beginCheckup(rules, { startMs: 0, nowMs: ageMs, jitter, adopted });
        for (const kind of PROBE_KINDS) {
          const dueMs = dueMsOf(first, kind);
          if (dueMs === undefined) continue;
          expect(dueMs).toBeGreaterThanOrEqual(ageMs);
          expect(dueMs).toBeLessThan(ageMs + FIRST_CHECK_MS_MAX);
        }
      }),
    );
  });
});
