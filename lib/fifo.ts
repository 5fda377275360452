/** First in, first out. `Array.shift` moves all that is left, which is felt where 50,000 wait. */
export interface Fifo<T> {
  readonly size: number;
  push(item: T): void;
  shift(): T | undefined;
}

/** Places of what was taken are given back once so many are, and more than half of all. */
const EMPTY_MAX = 1_024;

export function createFifo<T>(): Fifo<T> {
  let items: (T | undefined)[] = [];
  let head = 0;
  return {
    get size() {
      return items.length - head;
    },
    push(item) {
      items.push(item);
    },
    shift() {
      if (head === items.length) return undefined;
      const item = items[head];
      items[head++] = undefined;
      if (head > EMPTY_MAX && head > items.length / 2) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
  };
}
