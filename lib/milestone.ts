/** A number that only grows, and those who wait for it to be reached. */
export interface Milestone {
  /** It has reached so much. */
  pass(value: bigint): void;
  /** Resolves once it has reached so much; rejects with the reason of `signal` when that aborts before. */
  reached(value: bigint, signal: AbortSignal): Promise<void>;
}

type Waiter = Readonly<{ value: bigint; resolve: () => void }>;

export function createMilestone(start: bigint): Milestone {
  let now = start;
  const waiters = new Set<Waiter>();
  return {
    pass(value) {
      now = value;
      for (const waiter of waiters) if (waiter.value <= now) waiter.resolve();
    },
    reached(value, signal) {
      if (value <= now) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const waiter: Waiter = { value, resolve: () => settle(resolve) };
        const leave = () => settle(() => reject(signal.reason));
        function settle(how: () => void): void {
          waiters.delete(waiter);
          signal.removeEventListener("abort", leave);
          how();
        }
        waiters.add(waiter);
        signal.addEventListener("abort", leave, { once: true });
        if (signal.aborted) leave();
      });
    },
  };
}
