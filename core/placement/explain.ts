import type { Assigned } from "../custom-resources.ts";
import { own, unbookOn } from "./booking.ts";
import type { Candidate } from "./candidate.ts";
import { type Exclusion, exclusionsOf } from "./decision.ts";
import type { Demand } from "./demand.ts";
import type { Filter } from "./filters.ts";
import type { Fleet, Known, Slot } from "./fleet.ts";
import type { Cell, CellVerdict, FleetCounts } from "./fleet-counts.ts";
import { type Examination, examine, isForSites, type Question, rankedAt } from "./survey.ts";
import { NO_WISHES, refused, type Wishes } from "./wishes.ts";

/** What placement thinks of one worker for one demand. */
export type Appraisal = Suitable | Unsuitable;

export type Suitable = Readonly<{
  /** In this order they are taken, whatever their worth. */
  kind: "preferred" | "fits" | "avoided";
  /** The worker as it was judged: without what the task itself has there. */
  candidate: Candidate;
  /** As in `Ranked`. */
  lead: number;
  affinity: number;
  score: number;
}>;

export type Unsuitable = Readonly<{
  kind: "excluded";
  candidate: Candidate;
  /** At least one, in the order of the filters, each filter once. */
  grounds: readonly Ground[];
}>;

/** A filter that excludes a worker, and why where it cannot tell from the worker alone. */
export type Ground = Readonly<{ filter: Filter; words?: string }>;

/** What a task that was tried before brings along. */
export type Past = Readonly<{
  wishes: Wishes;
  /** What it has on workers already, which is not held against it. */
  booked: readonly Readonly<{
    workerId: string;
    demand: Demand;
    assigned?: Assigned | undefined;
  }>[];
}>;

const NO_PAST: Past = { wishes: NO_WISHES, booked: [] };

/** Every worker's appraisal in the order of their IDs, with every filter that excludes it. */
export function explain(
  fleet: Fleet,
  question: Question,
  past: Past = NO_PAST,
): readonly Appraisal[] {
  const slots = fleet.slots().flatMap((slot) => {
    const candidate = withoutOwn(slot, past);
    return candidate ? [{ ...slot, candidate }] : [];
  });
  const examination = examine(question);
  for (const slot of slots) examination.counts.count(slot);
  const appraise = createAppraiser(examination, past.wishes);
  return slots.map(appraise);
}

/** The worker as it would be if the task had never been placed on it. */
function withoutOwn({ workerId, candidate }: Slot, { booked }: Past): Candidate | undefined {
  if (candidate === undefined) return undefined;
  // A copy: the fleet's own changes when the next task is placed.
  const without = own(candidate, candidate);
  for (const { demand, assigned } of booked.filter((each) => each.workerId === workerId))
    unbookOn(without, demand, assigned);
  return without;
}

function createAppraiser({ question, counts }: Examination, wishes: Wishes) {
  const findGrounds = createSifter(question, wishes);
  const judge = createJudge(counts);
  return (slot: Known): Appraisal => {
    const { candidate, workerId } = slot;
    const judgement = judge(candidate);
    const { verdict } = judgement;
    const grounds = findGrounds(candidate, judgement);
    if (grounds.length > 0 || verdict.kind === "excluded")
      return { kind: "excluded", candidate, grounds };
    const { lead, affinity, score } = rankedAt(slot, verdict.lead, question);
    return { kind: kindOf(workerId, wishes), candidate, lead, affinity, score };
  };
}

function kindOf(workerId: string, { prefer, avoid }: Wishes): Suitable["kind"] {
  if (workerId === prefer) return "preferred";
  return avoid.has(workerId) ? "avoided" : "fits";
}

/** `words` are there where the verdict is no. */
type Judgement = Readonly<{ verdict: CellVerdict; words: string }>;

/** What the rules about many workers say of one; each cell is asked once. */
function createJudge(counts: FleetCounts) {
  const judgements = new Map<string, Judgement>();

  function judge(cell: Cell): Judgement {
    const verdict = counts.judge(cell);
    const words = verdict.kind === "excluded" ? counts.explain(cell, verdict.rule) : "";
    return { verdict, words };
  }

  return (candidate: Candidate): Judgement => {
    const cell = counts.cellOf(candidate);
    const judgement = judgements.get(cell.key) ?? judge(cell);
    judgements.set(cell.key, judgement);
    return judgement;
  };
}

/** Finds all that excludes a worker. The words can wait: few of many are ever read. */
function createSifter({ demand, scheduler }: Question, { exclude }: Wishes) {
  const asked = scheduler.filters.flatMap((filter) => {
    const passes = filter.testFor(demand);
    return passes ? [{ ground: { filter }, passes }] : [];
  });
  return (candidate: Candidate, { verdict, words }: Judgement): readonly Ground[] => {
    const failing: readonly Ground[] = asked
      .filter(({ passes }) => !passes(candidate))
      .map(({ ground }) => ground);
    const atSite = failing.filter(({ filter }) => isForSites(filter));
    // A filter that has objected for the worker itself has said the same already.
    if (verdict.kind === "excluded" && !failing.some(({ filter }) => filter === verdict.filter))
      atSite.push({ filter: verdict.filter, words });
    // Amounts come last, as in a placement.
    const lacking = failing.filter(({ filter }) => !isForSites(filter));
    const isRefused = exclude.has(candidate.workerId);
    return [...atSite, ...lacking, ...(isRefused ? [{ filter: refused }] : [])];
  };
}

/** One filter's reason against a worker: "memory: needs 512 MiB, 128 MiB free". */
export type Objection = Readonly<{ filter: string; explanation: string }>;

/** All that speaks against a worker, in words and with numbers. */
export const objectionsOf = (
  { candidate, grounds }: Unsuitable,
  demand: Demand,
): readonly Objection[] =>
  grounds.map(({ filter, words }) => ({
    filter: filter.name,
    explanation: words ?? filter.explain(candidate, demand),
  }));

/** How many workers each filter excludes. A worker counts for the first that does. */
export function countExclusions(
  appraisals: readonly Appraisal[],
  { scheduler, demand }: Question,
): readonly Exclusion[] {
  const excluded = new Map<Filter, number>();
  for (const appraisal of appraisals) {
    const first = appraisal.kind === "excluded" ? appraisal.grounds[0]?.filter : undefined;
    if (first) excluded.set(first, (excluded.get(first) ?? 0) + 1);
  }
  return exclusionsOf(excluded, { filters: [...scheduler.filters, refused], demand });
}
