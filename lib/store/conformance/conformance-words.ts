import type { Store, StoreChange } from "../store.ts";

/** How many changes the stores under test remember. */
export const HISTORY_MAX = 16;

export const bytes = (text: string) => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value);
export const put = (key: string, value = "v") => ({
  kind: "put" as const,
  key,
  value: bytes(value),
});
export const del = (key: string) => ({ kind: "delete" as const, key });
export const never = () => new AbortController().signal;

export async function keysOf(store: Store, prefix: string, page = {}): Promise<string[]> {
  return (await store.list(prefix, page)).map(({ key }) => key);
}

/** A watch's batch in short: `put a@1`. */
export const outline = (changes: readonly StoreChange[] | undefined) =>
  (changes ?? []).map(({ kind, key, revision }) => `${kind} ${key}@${revision}`);
