import type { FlagReader } from "./flag-reader.ts";
import { malformed, type Parsed, parsed, parseWhole } from "./parse/parsed.ts";
import {
  parseAffinity,
  parseConstraint,
  parseSpread,
  parseTaskAffinity,
} from "./parse/placement.ts";

/** The flags of `run` that say where a task may be, as they were typed. */
export type PlacementFlags = Readonly<{
  constraint?: readonly string[];
  affinity?: readonly string[];
  spread?: readonly string[];
  near?: readonly string[];
  apart?: readonly string[];
  maxPerWorker?: string;
  priority?: string;
}>;

/** What the contract's int32 holds: what makes sense is the manager's to say. */
const INT32_MAX = 2 ** 31 - 1;

function parsePriority(text: string): Parsed<number> {
  const isNegative = text.startsWith("-");
  const size = parseWhole(isNegative ? text.slice(1) : text, 0, INT32_MAX);
  if (size.kind === "malformed")
    return malformed(text, "must be a whole number, such as 10 or -10");
  return parsed(isNegative ? 0 - size.value : size.value);
}

export function readPlacement(flags: PlacementFlags, { read, readList }: FlagReader) {
  const count = (text: string) => parseWhole(text, 0, INT32_MAX);
  const near = readList("--near", flags.near, parseTaskAffinity);
  const apart = readList("--apart", flags.apart, parseTaskAffinity);
  const maxPerWorker = read("--max-per-worker", flags.maxPerWorker, count);
  return {
    constraints: [...readList("--constraint", flags.constraint, parseConstraint)],
    affinities: [...readList("--affinity", flags.affinity, parseAffinity)],
    spreads: [...readList("--spread", flags.spread, parseSpread)],
    taskAffinities: [...near, ...apart.map((each) => ({ ...each, anti: true }))],
    ...(maxPerWorker !== undefined && { maxPerWorker }),
    priority: read("--priority", flags.priority, parsePriority) ?? 0,
  };
}

/** The flag that fills a field of the spec. */
export const placementFlagsOfFields: readonly (readonly [field: string, flag: string])[] = [
  ["spec.constraints", "--constraint"],
  ["spec.affinities", "--affinity"],
  ["spec.spreads", "--spread"],
  ["spec.task_affinities", "--near or --apart"],
  ["spec.max_per_worker", "--max-per-worker"],
  ["spec.priority", "--priority"],
];
