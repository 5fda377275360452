import { validatePage } from "../../core/validate.ts";
import { invalidFields } from "../../lib/errors.ts";
import { MESSAGE_BYTES_MAX } from "./message-size.ts";

/** How the keys of listings look that are in the order of IDs. */
export const ID_KEY = /^[a-z0-9-]*$/;

export type PageRequest = Readonly<{ pageSize: number; pageToken: string }>;

/** What a page request asks for: at most so many entries, after this key (empty: from the start). */
export type PageCursor = Readonly<{ size: number; after: string }>;

/** Marks a token as ours, so that a token of something else is refused, not misread. */
const TOKEN_PREFIX = "after:";

/**
 * Throws INVALID_ARGUMENT for a negative size or a token that no answer of ours carried. `keys` is how
 * keys look, where a token of another listing could not be read.
 */
export function readPageRequest(
  { pageSize, pageToken }: PageRequest,
  keys: RegExp = /^/,
): PageCursor {
  const { violations, size } = validatePage(pageSize);
  const decoded = Buffer.from(pageToken, "base64url").toString();
  const after = decoded.slice(TOKEN_PREFIX.length);
  const isOurs = pageToken === "" || (decoded.startsWith(TOKEN_PREFIX) && keys.test(after));
  const description = `is ${JSON.stringify(pageToken)}: take next_page_token from the page before`;
  const all = isOurs ? violations : [...violations, { field: "page_token", description }];
  if (all.length > 0) throw invalidFields(all);
  return { size, after };
}

export type Page<T> = Readonly<{ entries: T[]; nextPageToken: string }>;

type Paging<T> = Readonly<{ keyOf: (entry: T) => string; sizeOf: (entry: T) => number }>;

/**
 * The first entries that come after the cursor, as many as asked for or as fit into a message.
 * `entries` are ordered by `keyOf`.
 */
export function takePage<T>(
  entries: Iterable<T>,
  { size, after }: PageCursor,
  { keyOf, sizeOf }: Paging<T>,
): Page<T> {
  const taken: T[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (after !== "" && keyOf(entry) <= after) continue;
    if (taken.length === size || bytes > MESSAGE_BYTES_MAX)
      return { entries: taken, nextPageToken: tokenAfter(taken, keyOf) };
    taken.push(entry);
    bytes += sizeOf(entry);
  }
  return { entries: taken, nextPageToken: "" };
}

/** The token of the page after these entries. */
export function tokenAfter<T>(entries: readonly T[], keyOf: (entry: T) => string): string {
  const last = entries.at(-1);
  return last === undefined ? "" : tokenOf(keyOf(last));
}

/** The token of the page after the entry with this key. */
export const tokenOf = (key: string): string =>
  Buffer.from(TOKEN_PREFIX + key).toString("base64url");
