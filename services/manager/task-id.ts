import type { Clock } from "../../lib/clock.ts";
import { type Random, randomWord } from "../../lib/random.ts";

/** The alphabet of Crockford's base 32 in lower case: its order is the order of bytes. */
const DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";

/** 45 bits of milliseconds reach to the year 3084. */
const TIME_DIGITS = 9;

/** 25 random bits: two managers that were never to run at once make one ID with 1 in 33 million. */
const RANDOM_DIGITS = 5;

/** How many IDs one millisecond can have in order. Beyond, the next millisecond is borrowed. */
const PER_MILLISECOND_MAX = 32 ** 2;

/**
 * Makes task IDs: unique, and in the order of their making, as ULIDs are. The order is that of
 * the time, then of a counter within a millisecond; the rest is random. All come after `latestId`,
 * whatever the clock says: another manager may have made that, by another clock.
 */
export function createTaskIds(clock: Clock, random: Random, latestId = ""): () => string {
  let lastMs = latestId === "" ? 0 : timeOf(latestId) + 1;
  let counter = 0;
  return () => {
    const now = Math.max(clock.now(), lastMs);
    counter = now === lastMs ? counter + 1 : 0;
    lastMs = counter < PER_MILLISECOND_MAX ? now : now + 1;
    counter %= PER_MILLISECOND_MAX;
    return encode(lastMs, TIME_DIGITS) + encode(counter, 2) + randomWord(random, RANDOM_DIGITS);
  };
}

function encode(value: number, digits: number): string {
  let text = "";
  for (let left = value; text.length < digits; left = Math.floor(left / 32))
    text = DIGITS[left % 32] + text;
  return text;
}

/** The milliseconds that an ID begins with. */
const timeOf = (taskId: string): number =>
  [...taskId.slice(0, TIME_DIGITS)].reduce(
    (sum, digit) => sum * 32 + Math.max(0, DIGITS.indexOf(digit)),
    0,
  );
