/** Who reads messages. One object for as long as it reads; it never throws. */
export interface Taker<T> {
  take(message: T): void;
  /** There is nothing more. */
  end(): void;
  /** There is nothing more, and why. */
  fail(error: unknown): void;
}

export interface Pullable<T> {
  /** Asks for the next message. `taker` is told of it once, now or later; until then nothing more is asked. */
  pull(taker: Taker<T>): void;
  /** Nothing more is read. */
  return?(): Promise<unknown>;
}

/**
 * Messages that can be had without a promise for each. A stream waits most of its time, and a promise
 * that has waited is old when it is kept: V8 then takes the message for in use as well, and all that
 * came with it, until it looks through what is old.
 */
export type Pulled<T> = AsyncIterableIterator<T, undefined> & Pullable<T>;

const DONE = { done: true, value: undefined } as const;

/** As those want it who read with `for await`. */
export const pulled = <T>(
  pull: (taker: Taker<T>) => void,
  leave: () => void | Promise<void>,
): Pulled<T> => ({
  [Symbol.asyncIterator]() {
    return this;
  },
  pull,
  next: () =>
    new Promise((resolve, reject) => {
      pull({
        take: (value) => resolve({ done: false, value }),
        end: () => resolve(DONE),
        fail: reject,
      });
    }),
  async return() {
    await leave();
    return DONE;
  },
});

/** What can be pulled as it is, anything else with promises. */
export function pullable<T>(source: AsyncIterable<T>): Pullable<T> {
  const iterator = source[Symbol.asyncIterator]();
  if (isPullable(iterator)) return iterator;
  return {
    pull: (taker) =>
      void iterator
        .next()
        .then((result) => (result.done ? taker.end() : taker.take(result.value)), taker.fail),
    return: async () => iterator.return?.(),
  };
}

const isPullable = <T>(iterator: AsyncIterator<T>): iterator is AsyncIterator<T> & Pullable<T> =>
  "pull" in iterator;
