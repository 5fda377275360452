import type { Clock } from "../clock.ts";
import { StoreError } from "./store.ts";

/** Between two tries of what a store out of reach did not do. */
const REPEAT_MS = 200;

/**
 * Does something with a store, again and again while that is out of reach, until `isOver`. What
 * is done twice must come to the same. Throws what else goes wrong.
 */
export async function inAnyWeather<T>(
  action: () => Promise<T>,
  { clock, isOver }: Readonly<{ clock: Pick<Clock, "sleep">; isOver: () => boolean }>,
): Promise<T> {
  for (;;)
    try {
      return await action();
    } catch (error) {
      if (!isOutOfReach(error) || isOver()) throw error;
      await clock.sleep(REPEAT_MS);
    }
}

/** Whether a store failed because it cannot be reached: nothing was written, and it comes back. */
export const isOutOfReach = (error: unknown): boolean =>
  error instanceof StoreError && error.kind === "unavailable";
