import type { Clock } from "../clock.ts";
import type { Histogram } from "../metrics/histogram.ts";
import type { Store } from "./store.ts";

/** The same store. How long its commits take is noted in seconds, those that fail too. */
export const meteredStore = (store: Store, seconds: Histogram, clock: Clock): Store => ({
  ...store,
  async commit(batch) {
    const startMs = clock.monotonic();
    try {
      return await store.commit(batch);
    } finally {
      seconds.observe((clock.monotonic() - startMs) / 1_000);
    }
  },
});
