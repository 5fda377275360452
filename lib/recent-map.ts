/** Remembers the latest values, at least `keptMax` of them and at most twice as many. */
export interface RecentMap<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
}

/** Two halves: when the younger one is full, the older one is forgotten. */
export function createRecentMap<K, V>(keptMax: number): RecentMap<K, V> {
  let younger = new Map<K, V>();
  let older: ReadonlyMap<K, V> = younger;
  return {
    get: (key) => younger.get(key) ?? older.get(key),
    set(key, value) {
      if (younger.size >= keptMax) {
        older = younger;
        younger = new Map();
      }
      younger.set(key, value);
    },
  };
}
