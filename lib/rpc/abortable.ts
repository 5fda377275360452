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

/**
 * Passes on what `source` gives until `signal` aborts, then throws the signal's reason at
 * once. The source is told to end, also when nobody asks for more, but not waited for;
 * `onLate` gets what it throws then.
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  onLate: OnLate,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;
  /** Lets a generator run its `finally`: now, or when it comes to its next `yield`. */
  const leave = () => {
    if (!isOver) Promise.resolve(iterator.return?.()).catch(onLate);
    isOver = true;
  };
  signal.addEventListener("abort", leave, { once: true });
  try {
    while (true) {
      const next = await orAborted(iterator.next(), signal, onLate);
      signal.throwIfAborted();
      if (next.done) break;
      yield next.value;
    }
    isOver = true;
  } finally {
    signal.removeEventListener("abort", leave);
    leave();
  }
}
