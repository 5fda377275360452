import { createSeededRandom, type Random } from "../lib/random.ts";

export type Dice = ReturnType<typeof createDice>;

/** All that plans are drawn with. */
export function createDice(seed: number) {
  // Not the sequence that the run itself draws from.
  const random: Random = createSeededRandom(seed ^ 0x5eed);
  const between = (least: number, most: number) =>
    least + Math.floor(random() * (most - least + 1));
  const any = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  return {
    random,
    between,
    any,
    chance: (share: number) => random() < share,
    subset<T>(items: readonly T[], count: number): readonly T[] {
      const left = [...items];
      return Array.from({ length: count }, () => left.splice(between(0, left.length - 1), 1))
        .flat()
        .slice(0, count);
    },
  };
}
