/** A map that keeps the `limit` entries used last. */
export interface Recent<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
}

export function createRecent<T>(limit: number): Recent<T> {
  /** In the order of use: a Map iterates in the order of insertion. */
  const entries = new Map<string, T>();
  /** The one that was used last: what is asked for comes in batches. */
  let latest: string | undefined;

  return {
    get(key) {
      const value = entries.get(key);
      if (value === undefined || key === latest) return value;
      entries.delete(key);
      entries.set(key, value);
      latest = key;
      return value;
    },
    set(key, value) {
      latest = key;
      entries.delete(key);
      entries.set(key, value);
      for (const oldest of entries.keys()) {
        if (entries.size <= limit) break;
        entries.delete(oldest);
      }
    },
  };
}
