import { randomFillSync } from "node:crypto";

/** A source of randomness: a number in [0, 1). */
export type Random = () => number;

/** Words that are asked for at once: asking costs more than a word. */
const WORDS_AT_ONCE = 1_024;

export const systemRandom: Random = createSystemRandom();

function createSystemRandom(): Random {
  const words = new Uint32Array(WORDS_AT_ONCE);
  let used = WORDS_AT_ONCE;
  return () => {
    if (used === WORDS_AT_ONCE) {
      randomFillSync(words);
      used = 0;
    }
    return (words[used++] ?? 0) / 2 ** 32;
  };
}

/** A repeatable source for tests and simulations: mulberry32 by Tommy Ettinger. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Letters and digits that are hard to take for one another, all valid in a DNS label. */
const ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** A random word of `length` characters, 5 bits each. */
export function randomWord(random: Random, length: number): string {
  let word = "";
  while (word.length < length) word += ID_ALPHABET[Math.floor(random() * 32)];
  return word;
}
