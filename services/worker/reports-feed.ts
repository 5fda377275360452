import type { Attempt } from "./attempt.ts";

/** Carries every reported change of an attempt to whoever listens, in order and at once. */
export interface ReportFeed {
  publish(attempt: Attempt): void;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (attempt: Attempt) => void): () => void;
}

export function createReportFeed(): ReportFeed {
  const listeners = new Set<(attempt: Attempt) => void>();
  return {
    publish(attempt) {
      for (const listener of listeners) listener(attempt);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
