import { systemClock } from "../lib/clock.ts";

/** Turns of the event loop after which a test gives up: far more than any real sequence takes. */
const TURNS_MAX = 5_000;

/** Lets the program run until `condition` holds. Waits for events, not for time. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (condition()) return;
    await systemClock.turn();
  }
  throw new Error(`never happened: ${what}`);
}
