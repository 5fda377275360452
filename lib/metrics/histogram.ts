import type { Point } from "./family.ts";

/** Counts values by size. An observation costs a few comparisons and makes nothing. */
export interface Histogram {
  observe(value: number): void;
  points(labels: string): readonly Point[];
}

/** From a millisecond to ten seconds: what calls, commits and decisions take. */
export const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** `bounds`: the greatest value of each bucket, ascending. */
export function createHistogram(bounds: readonly number[]): Histogram {
  const counts = new Float64Array(bounds.length + 1);
  let sum = 0;
  return {
    observe(value) {
      let bucket = 0;
      while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
      counts[bucket] = (counts[bucket] ?? 0) + 1;
      sum += value;
    },
    points(labels) {
      const before = labels === "" ? "" : `${labels},`;
      let total = 0;
      const buckets = [...counts].map((count, bucket): Point => {
        total += count;
        const bound = String(bounds[bucket] ?? "+Inf");
        return { labels: `${before}le="${bound}"`, value: total, suffix: "_bucket" };
      });
      return [
        ...buckets,
        { labels, value: sum, suffix: "_sum" },
        { labels, value: total, suffix: "_count" },
      ];
    },
  };
}
