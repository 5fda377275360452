/** Takes bytes off a stream of chunks, as many as wanted at a time. */
export interface ByteReader {
  /** The next bytes, fewer only where the stream ends. */
  take(count: number): Promise<Uint8Array>;
  /** The next bytes as they come, fewer only where the stream ends. */
  pass(count: number): AsyncGenerator<Uint8Array, void, undefined>;
  /** Tells the source that no more is read. */
  close(): Promise<void>;
}

export function createByteReader(source: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = source[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();

  /** What has come and was not taken; empty at the end. */
  async function some(): Promise<Uint8Array> {
    while (rest.length === 0) {
      const next = await chunks.next();
      if (next.done) break;
      rest = next.value;
    }
    return rest;
  }

  async function* pass(count: number) {
    for (let missing = count; missing > 0; ) {
      const bytes = (await some()).subarray(0, missing);
      if (bytes.length === 0) return;
      rest = rest.subarray(bytes.length);
      missing -= bytes.length;
      yield bytes;
    }
  }

  return {
    pass,
    async take(count) {
      const parts: Uint8Array[] = [];
      for await (const part of pass(count)) parts.push(part);
      return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
    },
    close: async () => void (await chunks.return?.()),
  };
}
