import type { Assigned } from "../custom-resources.ts";
import type { Demand } from "./demand.ts";
import type { Filter } from "./filters.ts";
import type { Contender, Ranked, Wish } from "./ranked.ts";
import type { Survey } from "./survey.ts";

/** What became of a demand, and why. The parts are those of the contract's `Placement`. */
export type Decision = Placed | Unplaced;

export type Placed = Readonly<{
  kind: "placed";
  workerId: string;
  /** As in `Ranked`. */
  lead: number;
  affinity: number;
  /** Higher is better; comparable only within one decision. */
  score: number;
  wish?: Wish | undefined;
  /** The best of the workers not chosen, best first, at most `RUNNER_UPS_MAX`. */
  runnerUps: readonly Ranked[];
  exclusions: readonly Exclusion[];
  /** Which of the worker's named things the demand got. Absent where nothing has a name. */
  assigned?: Assigned;
}>;

export type Unplaced = Readonly<{
  kind: "unplaced";
  exclusions: readonly Exclusion[];
  /** For people: "too little memory on 2 workers; 1 worker not ready". */
  explanation: string;
}>;

/** Workers that could not take the demand, each counted for the first filter that said so. */
export type Exclusion = Readonly<{ filter: string; workerCount: number; explanation: string }>;

/** As the contract promises. */
export const RUNNER_UPS_MAX = 3;

/** Which filters were asked, for what. */
export type Asked = Readonly<{ filters: readonly Filter[]; demand: Demand }>;

const NONE: readonly Exclusion[] = [];

/** Decides for the best worker of a survey that kept one more than the runner-ups. */
export function decide({ best, excluded }: Survey, asked: Asked): Decision {
  const exclusions = excluded.size === 0 ? NONE : exclusionsOf(excluded, asked);
  const first = best[0];
  if (first === undefined) {
    return { kind: "unplaced", exclusions, explanation: explanationOf(exclusions) };
  }
  return placed(first, best.slice(1).map(rankedOf), exclusions);
}

/** Written out, as below: to spread the chosen one would be a fifth of a placement. */
const placed = (
  { workerId, lead, affinity, score, wish }: Ranked,
  runnerUps: readonly Ranked[],
  exclusions: readonly Exclusion[],
): Placed => ({ kind: "placed", workerId, lead, affinity, score, wish, runnerUps, exclusions });

/** For outside the fleet, where seats say nothing. */
const rankedOf = ({ workerId, lead, affinity, score, wish }: Contender): Ranked => ({
  workerId,
  lead,
  affinity,
  score,
  wish,
});

/** Why no worker can take the demand, for people. */
export const explanationOf = (exclusions: readonly Exclusion[]): string =>
  exclusions.map(({ explanation }) => explanation).join("; ") || "no workers have joined";

/** Most frequent first; equally frequent ones in the order of the filters. */
export const exclusionsOf = (
  excluded: ReadonlyMap<Filter, number>,
  { filters, demand }: Asked,
): readonly Exclusion[] =>
  [...excluded]
    .sort(([a, x], [b, y]) => y - x || filters.indexOf(a) - filters.indexOf(b))
    .map(([filter, workerCount]) => ({
      filter: filter.name,
      workerCount,
      explanation: filter.summarize(workerCount, demand),
    }));
