import { keyBytes, keyRange } from "./store-key.ts";

/** A map whose keys are ordered by their UTF-8 bytes. */
export interface OrderedMap<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
  /** The values of the keys that begin with `prefix` and come after the key `after`, in order. */
  range(prefix: string, after?: string): T[];
  clear(): void;
}

/**
 * Inside, a key is its UTF-8 bytes spelled as Latin-1: then JavaScript's own order of strings,
 * by UTF-16 units, is the order of bytes.
 */
export function createOrderedMap<T>(): OrderedMap<T> {
  const values = new Map<string, T>();
  /** The keys of `values`, in order. */
  let order: string[] = [];

  return {
    get: (key) => values.get(spell(keyBytes(key))),
    set(key, value) {
      const spelled = spell(keyBytes(key));
      if (!values.has(spelled)) order.splice(lowerBound(order, spelled), 0, spelled);
      values.set(spelled, value);
    },
    delete(key) {
      const spelled = spell(keyBytes(key));
      if (values.delete(spelled)) order.splice(lowerBound(order, spelled), 1);
    },
    range(prefix, after) {
      const { start, end } = keyRange(prefix, after);
      const to = end ? lowerBound(order, spell(end)) : order.length;
      const keys = order.slice(lowerBound(order, spell(start)), to);
      return keys.map((key) => values.get(key)).filter((value) => value !== undefined);
    },
    clear() {
      order = [];
      values.clear();
    },
  };
}

const spell = (bytes: Buffer): string => bytes.toString("latin1");

/** Index of the first of the ordered `keys` that is not smaller than `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
