import type { Random } from "../../lib/random.ts";

/** At most `count` of `items`, in an order of chance, each with the same chance to be among them. */
export function sample<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  const pool = [...items];
  const taken = Math.min(count, pool.length);
  for (let i = 0; i < taken; i++) {
    const j = i + Math.floor(random() * (pool.length - i));
    const chosen = pool[j] as T;
    pool[j] = pool[i] as T;
    pool[i] = chosen;
  }
  return pool.slice(0, taken);
}
