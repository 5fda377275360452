/** A straight line through samples: how fast it grows, and how sure that is. */
export type Slope = Readonly<{
  perHour: number;
  /** Standard error of `perHour`. */
  error: number;
}>;

const HOUR_MS = 3_600_000;

/** Least squares over at least three samples, `[time in ms, value]`. */
export function slopeOf(samples: readonly (readonly [number, number])[]): Slope {
  const mean = (values: readonly number[]) => sum(values) / values.length;
  const [times, values] = [samples.map(([t]) => t / HOUR_MS), samples.map(([, v]) => v)];
  const [meanTime, meanValue] = [mean(times), mean(values)];
  const spread = sum(times.map((time) => (time - meanTime) ** 2));
  const perHour =
    sum(times.map((time, i) => (time - meanTime) * ((values[i] ?? 0) - meanValue))) / spread;
  const rests = values.map((v, i) => v - meanValue - perHour * ((times[i] ?? 0) - meanTime));
  const variance = sum(rests.map((rest) => rest ** 2)) / (samples.length - 2);
  return { perHour, error: Math.sqrt(variance / spread) };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
