import type { UsageGlance } from "./usage-cgroup.ts";

/** What one attempt used lately. */
export interface UsageSamples {
  add(usage: UsageGlance): void;
  /** The oldest first. */
  list(): readonly UsageGlance[];
}

/** Numbers of a sample: when it was taken, CPU time, memory. */
const WIDTH = 3;

/** How many there is room for at first: most of what ends early ends within some seconds. */
const FIRST_MAX = 4;

/**
 * Keeps the latest `max` samples of the last `spanMs`. Numbers beside each other rather than objects:
 * a worker keeps them of a thousand attempts, and hardly anybody ever asks.
 */
export function createUsageSamples(max: number, spanMs: number): UsageSamples {
  let numbers = new Float64Array(FIRST_MAX * WIDTH);
  let [first, count] = [0, 0];

  const room = () => numbers.length / WIDTH;
  const placeOf = (index: number) => ((first + index) % room()) * WIDTH;

  function at(index: number): UsageGlance {
    const [takenMs = 0, cpuNanos = 0, memoryBytes = 0] = numbers.subarray(placeOf(index));
    return { takenMs, cpuNanos, memoryBytes };
  }

  const list = () => Array.from({ length: count }, (_, index) => at(index));

  function forgetFirst(): void {
    first = (first + 1) % room();
    count--;
  }

  function grow(): void {
    const grown = new Float64Array(Math.min(max, room() * 2) * WIDTH);
    for (let index = 0; index < count; index++) {
      const place = placeOf(index);
      grown.set(numbers.subarray(place, place + WIDTH), index * WIDTH);
    }
    [numbers, first] = [grown, 0];
  }

  return {
    list,
    add({ takenMs, cpuNanos, memoryBytes }) {
      while (count > 0 && (numbers[placeOf(0)] ?? 0) < takenMs - spanMs) forgetFirst();
      if (count === room()) {
        if (count < max) grow();
        else forgetFirst();
      }
      numbers.set([takenMs, cpuNanos, memoryBytes], placeOf(count));
      count++;
    },
  };
}
