import type { Clock } from "../clock.ts";
import { invalidFields, timedOut } from "../errors.ts";
import { untilAborted } from "./abortable.ts";

/** How talks of one kind begin, and how many there may be. */
type Rules<W, S> = Readonly<{
  clock: Clock;
  countMax: number;
  tooMany: (count: number) => Error;
  /** What a caller is told that begins with nothing, or too late: `say what to run first`. */
  hint: string;
  /** What the first word says; undefined when it is no start. Throws when the start is wrong. */
  startIn: (first: W) => S | undefined;
}>;

/** A call in which both sides send, once its first word has come. */
export type Talk<W, S> = Readonly<{
  start: S;
  /** What comes after the start. */
  words: AsyncIterable<W>;
  /** Aborts with what is wrong with the caller's words, and in the end. */
  over: AbortController;
  /** Aborts when the caller leaves, and with `over`. */
  signal: AbortSignal;
}>;

/** Until a caller must have said what it wants. */
const START_MS = 10_000;

/** Takes so many talks at once, and has each carried on once it has been begun. */
export function createTalks<W, S, A>(
  rules: Rules<W, S>,
  carryOn: (talk: Talk<W, S>) => AsyncGenerator<A, void, undefined>,
): (words: AsyncIterable<W>, signal: AbortSignal) => AsyncGenerator<A, void, undefined> {
  let count = 0;
  return async function* talk(said, left) {
    const over = new AbortController();
    const signal = AbortSignal.any([left, over.signal]);
    const words = untilAborted(said, signal, () => undefined);
    const disarm = rules.clock.after(START_MS, () => over.abort(notStarted(rules)));
    try {
      const start = await readStart(words, rules);
      disarm();
      if (count >= rules.countMax) throw rules.tooMany(count);
      count++;
      try {
        yield* carryOn({ start, words, over, signal });
      } finally {
        count--;
      }
    } finally {
      disarm();
      over.abort();
    }
  };
}

const notStarted = ({ hint }: Pick<Rules<never, never>, "hint">) =>
  timedOut("START_MISSING", `no start came in ${START_MS} ms: ${hint}`);

async function readStart<W, S>(words: AsyncIterator<W>, { startIn, hint }: Rules<W, S>) {
  const first = await words.next();
  const start = first.done ? undefined : startIn(first.value);
  if (start === undefined) throw badWord(`the first word is no start: ${hint}`);
  return start;
}

/** What a caller is told whose word is out of place. */
export const badWord = (description: string) => invalidFields([{ field: "word", description }]);
