/** What makes tasks alike to those who count them: their name and their labels. */
export type TaskKind = Readonly<{
  /** The same for tasks of one kind, and only for those. */
  key: string;
  name: string;
  labels: Readonly<Record<string, string>>;
}>;

/** How many tasks of each kind a worker has, in the order of their keys. */
export type Tally = readonly KindCount[];

type KindCount = Readonly<{ kind: TaskKind; count: number }>;

/** A tally whose holder counts in place. */
export type OwnTally = { kind: TaskKind; count: number }[];

export const NO_TALLY: Tally = [];

export function createKind(name: string, labels: Readonly<Record<string, string>>): TaskKind {
  const keys = Object.keys(labels);
  // A name never begins as JSON does.
  if (keys.length === 0) return { key: name, name, labels };
  const pairs = keys.sort().map((key) => [key, labels[key]]);
  return { key: JSON.stringify([name, ...pairs]), name, labels };
}

/** A tally of one's own that begins as another. */
export const ownTally = (tally: Tally): OwnTally =>
  tally.map(({ kind, count }) => ({ kind, count }));

/** Counts one more task of a kind. */
export function countIn(tally: OwnTally, kind: TaskKind): void {
  const index = indexOf(tally, kind.key);
  const entry = tally[index];
  if (entry?.kind.key === kind.key) entry.count++;
  else tally.splice(index, 0, { kind, count: 1 });
}

/** Counts one task of a kind less. False: there is none. */
export function countOut(tally: OwnTally, kind: TaskKind): boolean {
  const index = indexOf(tally, kind.key);
  const entry = tally[index];
  if (entry?.kind.key !== kind.key) return false;
  if (entry.count === 1) tally.splice(index, 1);
  else entry.count--;
  return true;
}

/** How many tasks of a tally are of a certain sort. */
export function countOf(tally: Tally, isMeant: (kind: TaskKind) => boolean): number {
  let sum = 0;
  for (const { kind, count } of tally) if (isMeant(kind)) sum += count;
  return sum;
}

/** Where a key is, or belongs. */
function indexOf(tally: Tally, key: string): number {
  let low = 0;
  let high = tally.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = tally[middle];
    if (entry !== undefined && entry.kind.key < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
