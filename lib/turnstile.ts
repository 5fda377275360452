/** Lets a limited number of things happen at a time; the others wait in the order they came. */
export interface Turnstile {
  /** Waits for room, then works. Undefined when `signal` aborted before there was room. */
  pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined>;
}

export function createTurnstile(limit: number): Turnstile {
  let inside = 0;
  const waiting = new Set<() => void>();

  function leave(): void {
    inside--;
    for (const wake of waiting) {
      wake();
      return;
    }
  }

  /** Whether room was found before `signal` aborted. */
  const room = (signal: AbortSignal) =>
    new Promise<boolean>((resolve) => {
      waiting.add(done);
      signal.addEventListener("abort", done, { once: true });
      function done() {
        if (!waiting.delete(done)) return;
        signal.removeEventListener("abort", done);
        if (!signal.aborted) inside++;
        resolve(!signal.aborted);
      }
    });

  return {
    async pass(work, signal) {
      if (signal.aborted) return undefined;
      if (inside < limit) inside++;
      else if (!(await room(signal))) return undefined;
      try {
        return signal.aborted ? undefined : await work();
      } finally {
        leave();
      }
    },
  };
}
