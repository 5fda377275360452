/**
 * Whether two values hold the same, whatever objects they are made of: messages, lists, maps, bytes
 * and what has no parts. The order of a map's keys does not count.
 */
export function isAlike(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && hasAll(keys, a as Parts, b as Parts);
}

type Parts = Readonly<Record<string, unknown>>;

function hasAll(keys: readonly string[], a: Parts, b: Parts): boolean {
  for (const key of keys) if (!Object.hasOwn(b, key) || !isAlike(a[key], b[key])) return false;
  return true;
}

/** Remembers what was made of the latest few values that are not alike. */
export interface Alikes<K extends object, V> {
  /** What was made of a value alike. */
  find(key: K): V | undefined;
  /** `key` must not change any more, and nothing alike may be remembered. */
  keep(key: K, made: V): void;
}

type Kept<V> = Readonly<{ key: Parts; keys: readonly string[]; made: V }>;

/** Each look costs a comparison with up to `keptMax` values, most of which end at the first part. */
export function createAlikes<K extends object, V>(keptMax: number): Alikes<K, V> {
  let latest: readonly Kept<V>[] = [];
  return {
    find(key) {
      if (latest.length === 0) return undefined;
      if (latest[0]?.key === key) return latest[0].made;
      const count = Object.keys(key).length;
      const found = latest.find(
        ({ keys, key: known }) => keys.length === count && hasAll(keys, known, key as Parts),
      );
      if (found && found !== latest[0]) latest = [found, ...latest.filter((one) => one !== found)];
      return found?.made;
    },
    keep(key, made) {
      const kept = { key: key as Parts, keys: Object.keys(key), made };
      latest = [kept, ...latest.slice(0, keptMax - 1)];
    },
  };
}
