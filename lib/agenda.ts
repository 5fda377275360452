import type { Clock } from "./clock.ts";

/**
 * Things to be done again and again, each at its time, and a state that says when. One of a kind
 * is under way at a time; different kinds do not wait for each other.
 */
export type Agenda<K, S> = Readonly<{
  keys: readonly K[];
  first: S;
  /** By the monotonic clock. Undefined: not for now, or never again. */
  dueMsOf: (state: S, key: K) => number | undefined;
  /** Does one thing, and tells what that makes of the state as it is by then. Never rejects. */
  act: (key: K, signal: AbortSignal) => Promise<(state: S) => S>;
  onState: (state: S) => void;
}>;

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Does what is due until nothing is and nothing is under way, or until `signal` aborts: then what is
 * under way is not waited for, and its outcome is dropped.
 */
export function runAgenda<K, S>(
  { keys, first, dueMsOf, act, onState }: Agenda<K, S>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let state = first;
    let disarm: () => void = () => undefined;
    const busy = new Set<K>();
    const dueOf = (key: K) => (busy.has(key) ? NEVER : (dueMsOf(state, key) ?? NEVER));

    async function begin(key: K): Promise<void> {
      busy.add(key);
      const change = await act(key, signal);
      busy.delete(key);
      if (signal.aborted) return;
      state = change(state);
      onState(state);
      if (!signal.aborted) look();
    }

    /** Begins what is due, and sets the alarm for what is due next. */
    function look(): void {
      disarm();
      const nowMs = clock.monotonic();
      for (const key of keys.filter((each) => dueOf(each) <= nowMs)) begin(key).catch(reject);
      const nextMs = Math.min(...keys.map(dueOf));
      if (nextMs !== NEVER) disarm = clock.after(nextMs - nowMs, look);
      else if (busy.size === 0) resolve();
    }

    const stop = () => {
      disarm();
      resolve();
    };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    else look();
  });
}
