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

type Leftover = (error: unknown) => void;

/**
 * Passes on what `source` gives until `signal` aborts, then throws the signal's reason at
 * once. The source is told to end but not waited for; `onLeftover` gets what it throws then.
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  onLeftover: Leftover,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    while (true) {
      const next = await orAborted(iterator.next(), signal).catch((error: unknown) => {
        ended = !signal.aborted;
        throw error;
      });
      signal.throwIfAborted();
      ended = next.done === true;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    if (!ended) leave(iterator, onLeftover);
  }
}

/** Lets a generator run its `finally`, now or when it comes to its next `yield`. */
export function leave(iterator: AsyncIterator<unknown>, onLeftover: Leftover): void {
  Promise.resolve(iterator.return?.()).catch(onLeftover);
}
