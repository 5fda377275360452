/** A worker that can take a demand, and how good it would be to place it there. */
export type Ranked = Readonly<{
  workerId: string;
  /** Tasks of the same name where the demand is spread over. */
  lead: number;
  /** Sum of the weights of the affinities that hold. */
  affinity: number;
  /** The scheduler's. */
  score: number;
  /** Set where the task's past puts the worker before all others, or after them. */
  wish?: Wish | undefined;
}>;

export type Wish = "preferred" | "avoided";

/** One that may be chosen, with its seat in the fleet: that is found quicker than its ID. */
export type Contender = Ranked & Readonly<{ seat: number }>;

/**
 * Whether `a` is the better choice: the smaller lead, of equals the greater affinity, of these the
 * higher score, and of these the lower ID.
 */
export function isBetter(a: Ranked, b: Ranked): boolean {
  if (a.lead !== b.lead) return a.lead < b.lead;
  if (a.affinity !== b.affinity) return a.affinity > b.affinity;
  return a.score > b.score || (a.score === b.score && a.workerId < b.workerId);
}

/** The best few of all that is offered. Only `offer` writes it. */
export type Shortlist = Readonly<{
  /** Best first. */
  best: Contender[];
  /** How many are wanted. */
  count: number;
}>;

export const createShortlist = (count: number): Shortlist => ({ best: [], count });

/** The one that must be beaten. Undefined while there is room. */
export const worstOf = ({ best, count }: Shortlist): Contender | undefined =>
  best.length < count ? undefined : best[count - 1];

/** Takes a worker if it is good enough, in the words of `Ranked`. Whether it was. */
export function offer(
  list: Shortlist,
  { workerId, seat }: Pick<Contender, "workerId" | "seat">,
  lead: number,
  affinity: number,
  score: number,
): boolean {
  const { best, count } = list;
  const worst = worstOf(list);
  // Most are not taken, and nothing is made for those.
  if (worst && worst.lead <= lead && worst.affinity >= affinity && worst.score > score)
    return false;
  const ranked = { workerId, seat, lead, affinity, score };
  if (worst && !isBetter(ranked, worst)) return false;
  insertSorted(best, ranked);
  if (best.length > count) best.pop();
  return true;
}

/** Adds to those that are sorted, best first. Most come at the end. */
export function insertSorted(sorted: Contender[], ranked: Contender): void {
  let index = sorted.length;
  for (; index > 0; index--) {
    const above = sorted[index - 1];
    if (above !== undefined && !isBetter(ranked, above)) break;
  }
  if (index === sorted.length) sorted.push(ranked);
  else sorted.splice(index, 0, ranked);
}
