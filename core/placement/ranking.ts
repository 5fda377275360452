/** Something that is ranked by its score. Only its ranking writes both. */
export type Entry = { score: number; position: number };

/** Entries by score, of which the best are wanted again and again while scores change. */
export interface Ranking<T extends Entry> {
  add(entry: T): void;
  setScore(entry: T, score: number): void;
  delete(entry: T): void;
  best(): T | undefined;
  /** Shows the highest score first, until `visit` says false. Nothing may change meanwhile. */
  walk(visit: (entry: T) => boolean): void;
}

/** A ranking as a binary heap whose entries know where they stand: changes are logarithmic. */
export function createRanking<T extends Entry>(): Ranking<T> {
  const heap: T[] = [];

  function put(entry: T, position: number): void {
    heap[position] = entry;
    entry.position = position;
  }

  function rise(entry: T): void {
    let { position } = entry;
    while (position > 0) {
      const above = (position - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || parent.score >= entry.score) break;
      put(parent, position);
      position = above;
    }
    put(entry, position);
  }

  function sink(entry: T): void {
    let { position } = entry;
    for (;;) {
      const below = betterBelow(heap, position);
      const child = heap[below];
      if (child === undefined || entry.score >= child.score) break;
      put(child, position);
      position = below;
    }
    put(entry, position);
  }

  function settle(entry: T): void {
    rise(entry);
    sink(entry);
  }

  return {
    add(entry) {
      entry.position = heap.length;
      heap.push(entry);
      rise(entry);
    },
    setScore(entry, score) {
      entry.score = score;
      settle(entry);
    },
    delete(entry) {
      const last = heap.pop();
      if (last === undefined || last === entry) return;
      put(last, entry.position);
      settle(last);
    },
    best: () => heap[0],
    walk: (visit) => walk(heap, visit),
  };
}

/**
 * Walks down from the top, always to the best of the entries next to those already taken. These
 * are a heap of their own, for a walk may go over all.
 */
function walk<T extends Entry>(heap: readonly T[], visit: (entry: T) => boolean): void {
  const edge: T[] = [];
  for (let next = heap[0]; next !== undefined && visit(next); next = pop(edge)) {
    const below = 2 * next.position + 1;
    push(edge, heap[below]);
    push(edge, heap[below + 1]);
  }
}

/** Adds to a binary heap of entries that do not know where they stand in it. */
function push<T extends Entry>(edge: T[], entry: T | undefined): void {
  if (entry === undefined) return;
  let position = edge.push(entry) - 1;
  while (position > 0) {
    const above = (position - 1) >> 1;
    const parent = edge[above];
    if (parent === undefined || parent.score >= entry.score) break;
    edge[position] = parent;
    position = above;
  }
  edge[position] = entry;
}

/** Takes the best. */
function pop<T extends Entry>(edge: T[]): T | undefined {
  const best = edge[0];
  const last = edge.pop();
  if (last === undefined || edge.length === 0) return best;
  let position = 0;
  for (;;) {
    const below = betterBelow(edge, position);
    const child = edge[below];
    if (child === undefined || last.score >= child.score) break;
    edge[position] = child;
    position = below;
  }
  edge[position] = last;
  return best;
}

/** Where the better of the two below a position is, or where it would be. */
function betterBelow<T extends Entry>(heap: readonly T[], position: number): number {
  const at = 2 * position + 1;
  const left = heap[at];
  const right = heap[at + 1];
  return left !== undefined && right !== undefined && right.score > left.score ? at + 1 : at;
}
