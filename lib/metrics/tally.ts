import type { Point } from "./family.ts";

/** Counts by one word each, of which there are few. */
export interface Tally {
  add(word: string): void;
  /** One point a word, under the label's name. */
  points(label: string): readonly Point[];
}

/** Words beyond this many are counted together as `other`: a label must not grow for ever. */
const WORDS_MAX = 100;

const OTHER = "other";

/** `words` are there from the start, at 0, so that their first event is seen as a rise. */
export function createTally(words: readonly string[] = []): Tally {
  const counts = new Map(words.map((word) => [word, 0]));
  return {
    add(word) {
      const isRoom = counts.has(word) || counts.size < WORDS_MAX;
      const counted = isRoom ? word : OTHER;
      counts.set(counted, (counts.get(counted) ?? 0) + 1);
    },
    points: (label) =>
      [...counts].map(([word, value]) => ({ labels: `${label}="${word}"`, value })),
  };
}
