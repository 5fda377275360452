import type { DescMessage } from "@bufbuild/protobuf";
import type { StreamResponse } from "@connectrpc/connect";

/** The one request of a call that only reads, to be sent as often as needed. */
export async function kept<T>(input: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const words: T[] = [];
  for await (const word of input) words.push(word);
  return {
    async *[Symbol.asyncIterator]() {
      yield* words;
    },
  };
}

/** A stream whose first message is here: until then another server can be called. */
export async function begun<I extends DescMessage, O extends DescMessage>(
  opening: Promise<StreamResponse<I, O>>,
): Promise<StreamResponse<I, O>> {
  const response = await opening;
  const messages = response.message[Symbol.asyncIterator]();
  const first = await messages.next();
  async function* all() {
    try {
      for (let next = first; !next.done; next = await messages.next()) yield next.value;
    } finally {
      await messages.return?.();
    }
  }
  return { ...response, message: all() };
}
