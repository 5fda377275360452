type OnLate = (error: unknown) => void;

/**
 * Settles as `work` does, or rejects with the signal's reason as soon as it aborts; `onLate`
 * gets the error of work that fails after that.
 */
export function orAborted<T>(
  work: PromiseLike<T>,
  signal: AbortSignal,
  onLate: OnLate,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    const done = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, fail).then(done, done);
    if (signal.aborted) stop();

    function fail(error: unknown) {
      if (signal.aborted) onLate(error);
      reject(error);
    }
  });
}

const DONE = { done: true, value: undefined } as const;

/** Who is told once how a source ended for its reader. */
type Ending = Readonly<{
  succeed(): void;
  /** Says what the reader is told instead of `error`. */
  fail(error: unknown): unknown;
  /** The reader wants no more. */
  leave(): void;
}>;

const UNTOLD: Ending = {
  succeed: () => undefined,
  fail: (error) => error,
  leave: () => undefined,
};

/**
 * Passes on what `source` gives until `signal` aborts, then throws the signal's reason at
 * once. The source is told to end, also when nobody asks for more, but not waited for;
 * `onLate` gets what it throws then. To be read by one reader, one item at a time.
 */
export function untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  onLate: OnLate,
  ending = UNTOLD,
): AsyncIterableIterator<T, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let state: "open" | "cut" | "over" = "open";
  /** Fails whoever waits for the next item. */
  let failWaiting: ((reason: unknown) => void) | undefined;

  /** Lets a generator run its `finally`: now, or when it comes to its next `yield`. */
  function leave(): void {
    signal.removeEventListener("abort", cut);
    Promise.resolve(iterator.return?.()).catch(onLate);
  }

  function cut(): void {
    leave();
    state = failWaiting ? "over" : "cut";
    failWaiting?.(ending.fail(signal.reason));
  }

  function end(): typeof DONE {
    signal.removeEventListener("abort", cut);
    state = "over";
    return DONE;
  }

  const take = () =>
    new Promise<IteratorResult<T, undefined>>((resolve, reject) => {
      failWaiting = reject;
      iterator.next().then(
        (result) => {
          failWaiting = undefined;
          if (result.done) ending.succeed();
          resolve(result.done ? end() : result);
        },
        (error: unknown) => {
          failWaiting = undefined;
          if (signal.aborted) return onLate(error);
          end();
          reject(ending.fail(error));
        },
      );
    });

  if (signal.aborted) cut();
  else signal.addEventListener("abort", cut, { once: true });
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      if (state === "open") return take();
      // The reason is told once; after that there is nothing more.
      const reason = state === "cut" ? Promise.reject(ending.fail(signal.reason)) : undefined;
      state = "over";
      return reason ?? Promise.resolve(DONE);
    },
    async return() {
      ending.leave();
      if (state === "open") leave();
      return end();
    },
  };
}
