type Options = Readonly<{
  /** Told of all bytes that were taken, in order. */
  onTaken: (bytes: Buffer) => void;
  /** The error for a stream that ends too early or is not as it must be. */
  refuse: () => Error;
}>;

/** Takes a stream of bytes apart. */
export function createByteReader(chunks: AsyncIterable<Buffer>, { onTaken, refuse }: Options) {
  const source = chunks[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);

  /** Makes `rest` at least that long, unless the stream ends. */
  async function fill(length: number): Promise<boolean> {
    if (rest.length >= length) return true;
    const parts = [rest];
    let total = rest.length;
    while (total < length) {
      const { value, done } = await source.next();
      if (done) break;
      parts.push(value);
      total += value.length;
    }
    rest = Buffer.concat(parts);
    return total >= length;
  }

  async function take(length: number): Promise<Buffer> {
    if (!(await fill(length))) throw refuse();
    const taken = rest.subarray(0, length);
    rest = rest.subarray(length);
    onTaken(taken);
    return taken;
  }

  return {
    take,
    refusal: refuse,
    /** A line without its end, of at most so many bytes. */
    async line(bytesMax: number): Promise<string> {
      const bytes: number[] = [];
      for (;;) {
        const [byte] = await take(1);
        if (byte === undefined || bytes.length > bytesMax) throw refuse();
        if (byte === 0x0a) return Buffer.from(bytes).toString();
        bytes.push(byte);
      }
    },
    isAtEnd: async (): Promise<boolean> => !(await fill(1)),
  };
}
