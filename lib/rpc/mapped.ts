/**
 * What `source` gives, each item changed. As an async generator would do it, for a third of the
 * promises: calls that never end pass each of their messages through several of these.
 */
export const mapped = <T, R>(
  source: AsyncIterable<T>,
  change: (item: T) => R,
): AsyncIterable<R> => ({
  [Symbol.asyncIterator]() {
    const iterator = source[Symbol.asyncIterator]();
    const leave = async (): Promise<IteratorResult<R>> => {
      await iterator.return?.();
      return { done: true, value: undefined };
    };
    const pass = (result: IteratorResult<T>): IteratorResult<R> | Promise<IteratorResult<R>> => {
      if (result.done) return result;
      try {
        return { done: false, value: change(result.value) };
      } catch (error) {
        return leave().then(() => Promise.reject(error));
      }
    };
    return { next: () => iterator.next().then(pass), return: leave };
  },
});
