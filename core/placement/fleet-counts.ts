import { assert } from "../../lib/assert.ts";
import type { Candidate } from "./candidate.ts";
import type { Filter } from "./filters.ts";
import type { Counts, FleetRule } from "./fleet-rules.ts";

/** Workers that are alike to all rules of a demand. */
export type Cell = Readonly<{ key: string; values: readonly string[] }>;

/** What the rules of a demand think of a cell now. */
export type CellVerdict =
  | Readonly<{ kind: "admitted"; lead: number }>
  | Readonly<{ kind: "excluded"; filter: Filter; explanation: string }>;

/** What the rules of one demand have counted over the fleet. */
export interface FleetCounts {
  /** Takes in what a worker has become. Undefined: it is gone. */
  count(workerId: string, worker: Candidate | undefined): void;
  cellOf(worker: Candidate): Cell;
  judge(cell: Cell): CellVerdict;
}

export function createFleetCounts(rules: readonly FleetRule[]): FleetCounts {
  if (rules.length === 0) return NOTHING_COUNTED;
  const counters = rules.map((rule) => ({ rule, counter: createCounter(rule) }));
  return {
    count(workerId, worker) {
      for (const { counter } of counters) counter.set(workerId, worker);
    },
    cellOf(worker) {
      const values = rules.map(({ readValue }) => readValue(worker));
      return { key: values.join("\u0001"), values };
    },
    judge({ values }) {
      let lead = 0;
      for (const [index, { rule, counter }] of counters.entries()) {
        const value = values[index];
        assert(value !== undefined, "a cell has a value for each rule");
        if (!rule.admits(value, counter))
          return excluded(rule.filter, rule.explain(value, counter));
        lead += rule.lead(value, counter);
      }
      return { kind: "admitted", lead };
    },
  };
}

const ONLY_CELL: Cell = { key: "", values: [] };
const ADMITTED: CellVerdict = { kind: "admitted", lead: 0 };

const NOTHING_COUNTED: FleetCounts = {
  count: () => undefined,
  cellOf: () => ONLY_CELL,
  judge: () => ADMITTED,
};

const excluded = (filter: Filter, explanation: string): CellVerdict => ({
  kind: "excluded",
  filter,
  explanation,
});

type Share = Readonly<{ value: string; tasks: number; parts: number }>;

/** What a rule counts, and how much of it each worker gave. */
function createCounter(rule: FleetRule): Counts & {
  set(workerId: string, worker: Candidate | undefined): void;
} {
  const shares = new Map<string, Share>();
  const sums = new Map<string, { tasks: number; parts: number }>();
  let total = 0;
  /** Undefined: to be found anew. */
  let least: number | undefined;

  function add({ value, tasks, parts }: Share, sign: 1 | -1): void {
    const sum = sums.get(value) ?? { tasks: 0, parts: 0 };
    sum.tasks += sign * tasks;
    sum.parts += sign * parts;
    total += sign * tasks;
    if (sum.tasks === 0 && sum.parts === 0) sums.delete(value);
    else sums.set(value, sum);
  }

  function findLeast(): number {
    const counts = [...sums.values()].filter(({ parts }) => parts > 0).map(({ tasks }) => tasks);
    return counts.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }

  return {
    of: (value) => sums.get(value)?.tasks ?? 0,
    total: () => total,
    least() {
      least ??= findLeast();
      return least;
    },
    set(workerId, worker) {
      const before = shares.get(workerId);
      const after = worker && shareOf(worker, rule);
      if (before) add(before, -1);
      if (after) {
        add(after, 1);
        shares.set(workerId, after);
      } else shares.delete(workerId);
      least = undefined;
    },
  };
}

const shareOf = (worker: Candidate, { readValue, tasksOn, takesPart }: FleetRule): Share => ({
  value: readValue(worker),
  tasks: tasksOn(worker),
  parts: takesPart(worker) ? 1 : 0,
});
