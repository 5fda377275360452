/** Names by score, of which the best are wanted again and again while scores change. */
export interface Ranking {
  /** Adds a name or changes its score. */
  set(name: string, score: number): void;
  delete(name: string): void;
  /** The highest score first, of equals the lowest name. Nothing may change meanwhile. */
  walk(): Generator<string, void, undefined>;
}

type Entry = { readonly name: string; score: number; position: number };

const isBetter = (a: Entry, b: Entry): boolean =>
  a.score > b.score || (a.score === b.score && a.name < b.name);

/** A ranking as a binary heap that knows where each name stands: changes are logarithmic. */
export function createRanking(): Ranking {
  const heap: Entry[] = [];
  const entries = new Map<string, Entry>();
  const { put, settle } = createHeap(heap);

  function add(name: string, score: number): Entry {
    const entry = { name, score, position: heap.length };
    heap.push(entry);
    entries.set(name, entry);
    return entry;
  }

  return {
    set(name, score) {
      const entry = entries.get(name) ?? add(name, score);
      entry.score = score;
      settle(entry);
    },
    delete(name) {
      const entry = entries.get(name);
      if (entry === undefined) return;
      entries.delete(name);
      const last = heap.pop();
      if (last === undefined || last === entry) return;
      put(last, entry.position);
      settle(last);
    },
    walk: () => walk(heap),
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

  function settle(entry: Entry): void {
    rise(entry);
    sink(entry);
  }

  return { put, settle };
}

/**
 * Walks down from the top, always to the best of the entries next to those already taken. These
 * are a heap of their own, for a walk may go over all.
 */
function* walk(heap: readonly Entry[]): Generator<string, void, undefined> {
  const edge: Entry[] = [];
  const top = heap[0];
  if (top) push(edge, top);
  for (let next = pop(edge); next; next = pop(edge)) {
    yield next.name;
    for (const below of [heap[2 * next.position + 1], heap[2 * next.position + 2]])
      if (below) push(edge, below);
  }
}

/** Adds to a binary heap of entries that know nothing of their places in it. */
function push(edge: Entry[], entry: Entry): void {
  let position = edge.push(entry) - 1;
  while (position > 0) {
    const above = (position - 1) >> 1;
    const parent = edge[above];
    if (parent === undefined || !isBetter(entry, parent)) break;
    edge[position] = parent;
    position = above;
  }
  edge[position] = entry;
}

/** Takes the best. */
function pop(edge: Entry[]): Entry | undefined {
  const best = edge[0];
  const last = edge.pop();
  if (last === undefined || edge.length === 0) return best;
  let position = 0;
  for (let child = betterBelow(edge, 0); child > 0; child = betterBelow(edge, position)) {
    const entry = edge[child];
    if (entry === undefined || !isBetter(entry, last)) break;
    edge[position] = entry;
    position = child;
  }
  edge[position] = last;
  return best;
}

/** Where the better of the two below is; 0 if there is none. */
function betterBelow(edge: readonly Entry[], position: number): number {
  const at = 2 * position + 1;
  const [left, right] = [edge[at], edge[at + 1]];
  if (left === undefined) return 0;
  return right !== undefined && isBetter(right, left) ? at + 1 : at;
}
