/** A worker that can take a demand, and how good it would be to place it there. */
export type Ranked = Readonly<{ workerId: string; score: number }>;

/** Whether `a` is the better choice: the higher score, of equals the lower ID. */
export const isBetter = (a: Ranked, b: Ranked): boolean =>
  a.score > b.score || (a.score === b.score && a.workerId < b.workerId);

/** Workers by score, of which the best are wanted again and again while scores change. */
export interface Ranking {
  /** Adds a worker or changes its score. */
  set(workerId: string, score: number): void;
  delete(workerId: string): void;
  /** The best `count` workers, best first. */
  best(count: number): readonly Ranked[];
}

type Entry = { readonly workerId: string; score: number; position: number };

/** A ranking as a binary heap that knows where each worker stands: changes are logarithmic. */
export function createRanking(): Ranking {
  const heap: Entry[] = [];
  const entries = new Map<string, Entry>();

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

  function settle(entry: Entry): void {
    rise(entry);
    sink(entry);
  }

  return {
    set(workerId, score) {
      const known = entries.get(workerId);
      const entry = known ?? { workerId, score, position: heap.length };
      entry.score = score;
      if (known === undefined) {
        heap.push(entry);
        entries.set(workerId, entry);
      }
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

/** Walks down from the top, always to the best of the entries next to those already taken. */
function bestOf(heap: readonly Entry[], count: number): readonly Ranked[] {
  const taken: Ranked[] = [];
  const edge = heap.slice(0, 1);
  while (taken.length < count) {
    const next = edge.shift();
    if (next === undefined) break;
    taken.push({ workerId: next.workerId, score: next.score });
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
