/** Settles as `work` does, or rejects with the signal's reason as soon as it aborts. */
export function orAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    const done = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).then(done, done);
    if (signal.aborted) stop();
  });
}

/**
 * Passes on what `source` gives until `signal` aborts, then throws the signal's reason at
 * once. The source is told to end, also when nobody asks for more, but not waited for;
 * `onLeftover` gets what it throws then.
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  onLeftover: (error: unknown) => void,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;
  /** Lets a generator run its `finally`: now, or when it comes to its next `yield`. */
  const leave = () => {
    if (!isOver) Promise.resolve(iterator.return?.()).catch(onLeftover);
    isOver = true;
  };
  signal.addEventListener("abort", leave, { once: true });
  try {
    while (true) {
      const next = await orAborted(iterator.next(), signal);
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
