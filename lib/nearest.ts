/** Longer names are cut: nobody mistypes one, and the work grows with its square. */
const CHARS_MAX = 64;

/** Likeness from 0 to 1 below which a suggestion confuses. */
const LIKENESS_MIN = 0.5;

/** The known name that shares the most pairs of letters with a mistyped one, if it is like it. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const letters = pairsOf(name.slice(0, CHARS_MAX).toLowerCase());
  const likeness = (other: string) => {
    const shared = pairsOf(other.toLowerCase()).filter((pair) => letters.includes(pair)).length;
    return (2 * shared) / (letters.length + other.length - 1);
  };
  const [best] = [...known]
    .map((other) => ({ other, likeness: likeness(other) }))
    .sort((a, b) => b.likeness - a.likeness);
  return best && best.likeness >= LIKENESS_MIN ? best.other : undefined;
}

/** The end of a message about an unknown name: `, did you mean lease?`, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const best = nearest(name, known);
  return best === undefined ? "" : `, did you mean ${best}?`;
}

const pairsOf = (word: string): readonly string[] =>
  Array.from({ length: Math.max(0, word.length - 1) }, (_, at) => word.slice(at, at + 2));
