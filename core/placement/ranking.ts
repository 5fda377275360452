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

/** How good a worker is apart from how many tasks are where. */
export type Worth = Readonly<{ affinity: number; score: number }>;

/** Workers of one lead by worth, of which the best are wanted again and again while that changes. */
export interface Ranking {
  readonly size: number;
  /** Adds a worker or changes its worth. */
  set(workerId: string, worth: Worth): void;
  delete(workerId: string): void;
  /** The best `count` workers, best first. */
  best(count: number): readonly Ranked[];
}

type Entry = {
  readonly workerId: string;
  readonly lead: 0;
  affinity: number;
  score: number;
  position: number;
};

/** A ranking as a binary heap that knows where each worker stands: changes are logarithmic. */
export function createRanking(): Ranking {
  const heap: Entry[] = [];
  const entries = new Map<string, Entry>();
  const { put, rise, sink } = createHeap(heap);

  function add(workerId: string, worth: Worth): Entry {
    const entry: Entry = { workerId, lead: 0, ...worth, position: heap.length };
    heap.push(entry);
    entries.set(workerId, entry);
    return entry;
  }

  function settle(entry: Entry): void {
    rise(entry);
    sink(entry);
  }

  return {
    get size() {
      return heap.length;
    },
    set(workerId, worth) {
      const known = entries.get(workerId);
      const entry = known ?? add(workerId, worth);
      entry.affinity = worth.affinity;
      entry.score = worth.score;
      settle(entry);
    },
    delete(workerId) {
      const entry = entries.get(workerId);
      if (entry === undefined) return;
      entries.delete(workerId);
      const last = heap.pop();
      if (last === undefined || last === entry) return;
      put(last, entry.position);
      settle(last);
    },
    best: (count) => bestOf(heap, count),
  };
}

/** How entries find their places in a heap, the best at its top. */
function createHeap(heap: Entry[]) {
  function put(entry: Entry, position: number): void {
    heap[position] = entry;
    entry.position = position;
  }

  function rise(entry: Entry): void {
    while (entry.position > 0) {
      const position = entry.position;
      const above = (position - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !isBetter(entry, parent)) return;
      put(parent, position);
      put(entry, above);
    }
  }

  function sink(entry: Entry): void {
    for (let child = betterChild(entry.position); child; child = betterChild(entry.position)) {
      if (!isBetter(child, entry)) return;
      const { position } = child;
      put(child, entry.position);
      put(entry, position);
    }
  }

  function betterChild(position: number): Entry | undefined {
    const left = heap[2 * position + 1];
    const right = heap[2 * position + 2];
    return left && right && isBetter(right, left) ? right : left;
  }

  return { put, rise, sink };
}

/** Walks down from the top, always to the best of the entries next to those already taken. */
function bestOf(heap: readonly Entry[], count: number): readonly Ranked[] {
  const taken: Ranked[] = [];
  const edge = heap.slice(0, 1);
  while (taken.length < count) {
    const next = edge.shift();
    if (next === undefined) break;
    const { workerId, lead, affinity, score } = next;
    taken.push({ workerId, lead, affinity, score });
    for (const below of [heap[2 * next.position + 1], heap[2 * next.position + 2]]) {
      if (below !== undefined) insertSorted(edge, below);
    }
  }
  return taken;
}

/** Inserts into a short list that is sorted, best first. */
export function insertSorted<T extends Ranked>(sorted: T[], ranked: T): void {
  let index = sorted.push(ranked) - 1;
  for (let above = sorted[index - 1]; above && isBetter(ranked, above); above = sorted[index - 1]) {
    sorted[index] = above;
    sorted[--index] = ranked;
  }
}
