/** Longer names are cut: nobody mistypes one, and the work grows with its square. */
const CHARS_MAX = 64;

/** Likeness from 0 to 1 below which a suggestion confuses. */
const LIKENESS_MIN = 0.5;

/** How many characters of a name it takes to forgive one slip. */
const CHARS_PER_SLIP = 4;

/**
 * The known name that a mistyped one was most likely meant to be, if there is one: the one with which
 * it shares the most pairs of letters, else one that begins so but for a slip or two.
 */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const letters = name.slice(0, CHARS_MAX).toLowerCase();
  const names = [...known];
  return resembled(letters, names) ?? mistyped(letters, names);
}

/** The end of a message about an unknown name: `, did you mean lease?`, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const best = nearest(name, known);
  return best === undefined ? "" : `, did you mean ${best}?`;
}

function resembled(letters: string, known: readonly string[]): string | undefined {
  const pairs = pairsOf(letters);
  const likeness = (other: string) => {
    const shared = pairsOf(other.toLowerCase()).filter((pair) => pairs.includes(pair)).length;
    return (2 * shared) / (pairs.length + other.length - 1);
  };
  const best = least(known, (other) => -likeness(other));
  return best && -best.cost >= LIKENESS_MIN ? best.name : undefined;
}

/** Of names that begin so, with at most as many slips as the length forgives, the shortest. */
function mistyped(letters: string, known: readonly string[]): string | undefined {
  const slipsMax = Math.floor(letters.length / CHARS_PER_SLIP);
  if (slipsMax === 0) return undefined;
  const near = known.filter((other) => slipsTo(letters, other.toLowerCase()) <= slipsMax);
  return least(near, (other) => slipsTo(letters, other.toLowerCase()) * CHARS_MAX + other.length)
    ?.name;
}

function least(names: readonly string[], costOf: (name: string) => number) {
  const [first] = names
    .map((name) => ({ name, cost: costOf(name) }))
    .sort((a, b) => a.cost - b.cost);
  return first;
}

const pairsOf = (word: string): readonly string[] =>
  Array.from({ length: Math.max(0, word.length - 1) }, (_, at) => word.slice(at, at + 2));

/**
 * How many slips lead from `typed` to some beginning of `meant`: a character too many, missing,
 * another, or two swapped (optimal string alignment).
 */
function slipsTo(typed: string, meant: string): number {
  const target = meant.slice(0, CHARS_MAX);
  let before: Row = [];
  let row: Row = Array.from({ length: target.length + 1 }, (_, index) => index);
  for (let i = 1; i <= typed.length; i++) {
    const next = [i];
    for (let j = 1; j <= target.length; j++) {
      const changed = at(row, j - 1) + (typed[i - 1] === target[j - 1] ? 0 : 1);
      const isSwap = typed[i - 1] === target[j - 2] && typed[i - 2] === target[j - 1];
      const swapped = isSwap ? at(before, j - 2) + 1 : FAR;
      next.push(Math.min(at(row, j) + 1, at(next, j - 1) + 1, changed, swapped));
    }
    [before, row] = [row, next];
  }
  return Math.min(...row);
}

type Row = readonly number[];

const FAR = Number.POSITIVE_INFINITY;
const at = (row: Row, index: number): number => row[index] ?? FAR;
