import type { Clock } from "../lib/clock.ts";

/** A signal that aborts when time runs out or the user leaves. Undefined: as long as it takes. */
export function createDeadline(
  clock: Clock,
  timeoutMs: number | undefined,
  interrupted: AbortSignal,
): Readonly<{ signal: AbortSignal; cancel: () => void }> {
  if (timeoutMs === undefined) return { signal: interrupted, cancel: () => undefined };
  const timedOut = new AbortController();
  return {
    signal: AbortSignal.any([interrupted, timedOut.signal]),
    cancel: clock.after(timeoutMs, () => timedOut.abort()),
  };
}
