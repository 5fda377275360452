import { type Pulled, pullable, pulled, type Taker } from "./pulled.ts";

/** What `source` gives, each item changed. To be read by one reader, one item at a time. */
export function mapped<T, R>(source: AsyncIterable<T>, change: (item: T) => R): Pulled<R> {
  const items = pullable(source);
  let reader: Taker<R> | undefined;

  async function leave(): Promise<void> {
    await items.return?.();
  }

  function fail(error: unknown): void {
    reader?.fail(error);
  }

  const changing: Taker<T> = {
    take(item) {
      let result: R;
      try {
        result = change(item);
      } catch (error) {
        leave().then(() => fail(error), fail);
        return;
      }
      reader?.take(result);
    },
    end: () => reader?.end(),
    fail,
  };

  return pulled((taker) => {
    reader = taker;
    items.pull(changing);
  }, leave);
}
