import { runs } from "../platform.ts";
import type { Candidate } from "./candidate.ts";
import type { Decision } from "./decision.ts";
import type { Demand } from "./demand.ts";
import { type Filter, verdict } from "./filters.ts";
import { labelReader } from "./labels.ts";
import type { Scheduler } from "./scheduler.ts";
import { spreading, taskAffinity } from "./task-filters.ts";
import { countOf } from "./task-kind.ts";

/** A choice to be made. */
export type Scene = Readonly<{
  demand: Demand;
  scheduler: Scheduler;
  workers: readonly Candidate[];
  /** The number of the placement that last chose each worker. */
  turns: ReadonlyMap<string, number>;
}>;

/**
 * For tests: a decision as a first reader of the contract would make it. Looks at all workers with
 * all filters, counts everything anew, and sorts.
 */
export function decideNaively(scene: Scene): Decision {
  const { workers, turns, demand, scheduler } = scene;
  const excluding = (worker: Candidate) => {
    const failing = scheduler.filters.filter(
      (filter) => verdict(filter, worker, demand).kind === "excluded",
    );
    // Amounts come last.
    const atSite = failing.find(({ weighs }) => weighs === undefined);
    return atSite ?? outOfPlace(worker, scene) ?? failing[0];
  };
  const exclusions = scheduler.filters
    .map((filter) => ({ filter, count: workers.filter((w) => excluding(w) === filter).length }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ filter, count }) => ({
      filter: filter.name,
      workerCount: count,
      explanation: filter.summarize(count, demand),
    }));
  const [first, ...others] = workers
    .filter((worker) => excluding(worker) === undefined)
    .map((worker) => {
      const { workerId } = worker;
      const context = { lastChosen: turns.get(workerId) ?? 0 };
      const score = scheduler.score(worker, demand, context);
      return { workerId, lead: leadOf(worker, scene), affinity: affinityOf(worker, demand), score };
    })
    .sort(
      (a, b) =>
        a.lead - b.lead ||
        b.affinity - a.affinity ||
        b.score - a.score ||
        (a.workerId < b.workerId ? -1 : 1),
    );
  if (first) return { kind: "placed", ...first, runnerUps: others.slice(0, 3), exclusions };
  const explanation = exclusions.map((each) => each.explanation).join("; ");
  return { kind: "unplaced", exclusions, explanation: explanation || "no workers have joined" };
}

const affinityOf = (worker: Candidate, { affinities }: Demand): number =>
  affinities
    .filter(({ condition }) => condition.holds(worker))
    .reduce((sum, { weight }) => sum + weight, 0);

const readValue = (worker: Candidate, key: string) => labelReader(key)(worker);

const isNamesake =
  ({ kind }: Demand) =>
  ({ name }: { name: string }): boolean =>
    name === kind.name;

/** Tasks that are meant, on all workers with the same value. */
const countAlike = (
  value: string | undefined,
  key: string,
  workers: readonly Candidate[],
  isMeant: Parameters<typeof countOf>[1],
): number =>
  workers
    .filter((worker) => readValue(worker, key) === value)
    .reduce((sum, { tally }) => sum + countOf(tally, isMeant), 0);

const leadOf = (worker: Candidate, { demand, workers }: Scene): number =>
  demand.spreads.reduce(
    (sum, { key }) => sum + countAlike(readValue(worker, key), key, workers, isNamesake(demand)),
    0,
  );

/** The rule about many workers that excludes one, which passes every filter. */
function outOfPlace(worker: Candidate, scene: Scene): Filter | undefined {
  if (scene.demand.spreads.some((each) => isAhead(worker, each, scene))) return spreading;
  return scene.demand.near.some((each) => isMisplaced(worker, each, scene))
    ? taskAffinity
    : undefined;
}

function isAhead(
  worker: Candidate,
  { key, maxSkew }: Demand["spreads"][number],
  { demand, workers }: Scene,
): boolean {
  if (maxSkew === undefined) return false;
  const count = (each: Candidate) =>
    countAlike(readValue(each, key), key, workers, isNamesake(demand));
  const { platform, conditions } = demand;
  const compared = workers.filter(
    (each) =>
      each.ready &&
      readValue(each, key) !== undefined &&
      (!platform || runs(each, platform)) &&
      conditions.every(({ holds }) => holds(each)),
  );
  return count(worker) + 1 - Math.min(...compared.map(count)) > maxSkew;
}

function isMisplaced(
  worker: Candidate,
  { key, anti, isMeant }: Demand["near"][number],
  { demand, workers }: Scene,
): boolean {
  const there =
    key === ""
      ? countOf(worker.tally, isMeant)
      : countAlike(readValue(worker, key), key, workers, isMeant);
  if (anti) return there > 0 && (key === "" || readValue(worker, key) !== undefined);
  const isFirst =
    isMeant(demand.kind) && workers.every(({ tally }) => countOf(tally, isMeant) === 0);
  return there === 0 && !isFirst;
}
