import { systemClock } from "../../lib/clock.ts";

/** How long a test waits for what should take a moment: the machine may be busy. */
export const PATIENCE_MS = 40_000;

const ASK_EVERY_MS = 50;

/** Asks until there is an answer. An error counts as none yet; the last one is told in the end. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const deadlineMs = systemClock.monotonic() + patienceMs;
  let last: unknown = "there was no answer";
  while (systemClock.monotonic() < deadlineMs) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      last = error;
    }
    await systemClock.sleep(ASK_EVERY_MS);
  }
  throw new Error(`in ${patienceMs} ms it never happened: ${what}; last: ${String(last)}`);
}
