import { assert } from "../../lib/assert.ts";
import type { Candidate } from "./candidate.ts";
import type { Filter } from "./filters.ts";
import type { Slot } from "./fleet.ts";
import type { Counts, FleetRule } from "./fleet-rules.ts";

/** A worker in its seat. */
export type Seated = Pick<Slot, "seat" | "candidate">;

/** Workers that are alike to all rules of a demand. */
export type Cell = Readonly<{ key: string; values: readonly string[] }>;

/** What the rules of a demand think of a cell now. */
export type CellVerdict =
  | Readonly<{ kind: "admitted"; lead: number }>
  | Readonly<{ kind: "excluded"; filter: Filter; rule: FleetRule }>;

/** What the rules of one demand have counted over the fleet. */
export interface FleetCounts {
  /** Takes in what a worker has become. */
  count(slot: Seated): void;
  cellOf(worker: Candidate): Cell;
  judge(cell: Cell): CellVerdict;
  /** Why a rule excludes a cell, for people: with numbers. */
  explain(cell: Cell, rule: FleetRule): string;
}

export function createFleetCounts(rules: readonly FleetRule[]): FleetCounts {
  if (rules.length === 0) return NOTHING_COUNTED;
  const counters = rules.map((rule) => ({ rule, counter: createCounter(rule) }));
  return {
    count(slot) {
      for (const { counter } of counters) counter.set(slot);
    },
    cellOf(worker) {
      const values = rules.map(({ readValue }) => readValue(worker));
      return { key: values.join("\u0001"), values };
    },
    judge({ values }) {
      let lead = 0;
      let index = 0;
      for (const { rule, counter } of counters) {
        const value = values[index++];
        assert(value !== undefined, "a cell has a value for each rule");
        if (!rule.admits(value, counter)) return { kind: "excluded", filter: rule.filter, rule };
        lead += rule.lead(value, counter);
      }
      return { kind: "admitted", lead };
    },
    explain({ values }, rule) {
      const index = rules.indexOf(rule);
      const [value, counted] = [values[index], counters[index]];
      assert(value !== undefined && counted, "a rule that excludes is one of those asked");
      return rule.explain(value, counted.counter);
    },
  };
}

const ONLY_CELL: Cell = { key: "", values: [] };
const ADMITTED: CellVerdict = { kind: "admitted", lead: 0 };

const NOTHING_COUNTED: FleetCounts = {
  count: () => undefined,
  cellOf: () => ONLY_CELL,
  judge: () => ADMITTED,
  explain: () => "",
};

/** What a worker gives to the count of its value. */
type Share = Readonly<{ value: string; tasks: number; parts: number }>;

/** What a rule counts, and how much of it each worker gave. */
function createCounter(rule: FleetRule): Counts & {
  set(slot: Seated): void;
} {
  const shares: (Share | undefined)[] = [];
  const sums = new Map<string, { tasks: number; parts: number }>();
  const levels = createLevels();
  let total = 0;

  function add({ value, tasks, parts }: Share, sign: 1 | -1): void {
    const sum = sums.get(value) ?? { tasks: 0, parts: 0 };
    if (sum.parts > 0) levels.remove(sum.tasks);
    sum.tasks += sign * tasks;
    sum.parts += sign * parts;
    total += sign * tasks;
    if (sum.parts > 0) levels.add(sum.tasks);
    if (sum.tasks === 0 && sum.parts === 0) sums.delete(value);
    else sums.set(value, sum);
  }

  return {
    of: (value) => sums.get(value)?.tasks ?? 0,
    total: () => total,
    least: levels.least,
    set({ seat, candidate }) {
      const before = shares[seat];
      const after = candidate && shareOf(candidate, rule);
      if (before) add(before, -1);
      if (after) add(after, 1);
      shares[seat] = after;
    },
  };
}

/** How many values have how many tasks. Spreading keeps these few, however many values there are. */
function createLevels() {
  const sizes = new Map<number, number>();
  return {
    add: (tasks: number) => void sizes.set(tasks, (sizes.get(tasks) ?? 0) + 1),
    remove(tasks: number): void {
      const size = sizes.get(tasks) ?? 0;
      if (size > 1) sizes.set(tasks, size - 1);
      else sizes.delete(tasks);
    },
    least(): number {
      let least = Number.POSITIVE_INFINITY;
      for (const tasks of sizes.keys()) if (tasks < least) least = tasks;
      return least;
    },
  };
}

const shareOf = (worker: Candidate, { readValue, tasksOn, takesPart }: FleetRule): Share => ({
  value: readValue(worker),
  tasks: tasksOn(worker),
  parts: takesPart(worker) ? 1 : 0,
});
