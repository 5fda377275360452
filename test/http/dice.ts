import type { Random } from "../../lib/random.ts";

/** Chance, repeatable from its seed. */
export function createDice(random: Random) {
  const below = (limit: number) => Math.floor(random() * limit);
  return {
    /** True once in so many times. */
    chance: (share: number): boolean => random() < share,
    below,
    pick<T>(things: readonly T[]): T {
      const thing = things[below(things.length)];
      if (thing === undefined) throw new Error("nothing to pick from");
      return thing;
    },
    times: <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make),
  };
}

export type Dice = ReturnType<typeof createDice>;
