export type ChunkLimits<T> = Readonly<{
  entriesMax: number;
  bytesMax: number;
  sizeOf: (item: T) => number;
}>;

/** The items in parts that stay within the limits. An item too large for any part gets its own. */
export function* chunks<T>(
  items: readonly T[],
  { entriesMax, bytesMax, sizeOf }: ChunkLimits<T>,
): Generator<T[], void, undefined> {
  let part: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (part.length === entriesMax || (part.length > 0 && bytes + size > bytesMax)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
