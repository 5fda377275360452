/** A worker that can take a demand, and how good it would be to place it there. */
export type Ranked = Readonly<{
  workerId: string;
  /** Tasks of the same name where the demand is spread over. */
  lead: number;
  /** Sum of the weights of the affinities that hold. */
  affinity: number;
  /** The scheduler's. */
  score: number;
}>;

/**
 * Whether `a` is the better choice: the smaller lead, of equals the greater affinity, of these the
 * higher score, and of these the lower ID.
 */
export function isBetter(a: Ranked, b: Ranked): boolean {
  if (a.lead !== b.lead) return a.lead < b.lead;
  if (a.affinity !== b.affinity) return a.affinity > b.affinity;
  return a.score > b.score || (a.score === b.score && a.workerId < b.workerId);
}

/** The best few of all that is offered. */
export interface Shortlist {
  /** Best first. */
  readonly best: readonly Ranked[];
  /** The one that must be beaten. Undefined while there is room. */
  worst(): Ranked | undefined;
  /** Takes it if it is good enough. Whether it was. */
  offer(ranked: Ranked): boolean;
}

export function createShortlist(count: number): Shortlist {
  const best: Ranked[] = [];
  const worst = () => (best.length === count ? best[count - 1] : undefined);
  return {
    best,
    worst,
    offer(ranked) {
      const beaten = worst();
      if (beaten !== undefined && !isBetter(ranked, beaten)) return false;
      insertSorted(best, ranked);
      if (best.length > count) best.pop();
      return true;
    },
  };
}

function insertSorted(sorted: Ranked[], ranked: Ranked): void {
  let index = sorted.push(ranked) - 1;
  for (let above = sorted[index - 1]; above && isBetter(ranked, above); above = sorted[index - 1]) {
    sorted[index] = above;
    sorted[--index] = ranked;
  }
}
