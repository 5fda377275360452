import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  Message,
} from "@bufbuild/protobuf";
import type { CallOptions, StreamResponse, Transport } from "@connectrpc/connect";

type Streaming = DescMethodServerStreaming | DescMethodBiDiStreaming;

/**
 * What a client calls through. One that cancels a stream when the iterator of its messages is told to
 * return says so: for others it takes a signal or two for each stream, which are most of what a
 * client keeps of one.
 */
export type ClientTransport = Transport & Readonly<{ cancelsOnReturn?: true }>;

type Call = Readonly<{
  input: AsyncIterable<Record<string, unknown>>;
  options: CallOptions | undefined;
}>;

type Messages = AsyncIterableIterator<Message, undefined>;

/** Makes a call whose answer is a stream, and reads that. */
export function readStream(
  transport: ClientTransport,
  method: DescMethod,
  { input, options = {} }: Call,
) {
  const { timeoutMs, headers, contextValues } = options;
  const { signal, leave } = endOf(transport, options.signal);
  return leaving(
    transport.stream(method as Streaming, signal, timeoutMs, headers, input, contextValues),
    options,
    leave,
  );
}

/** How a stream is told that nothing more is read of it. */
function endOf(transport: ClientTransport, wanted: AbortSignal | undefined) {
  if (transport.cancelsOnReturn) return { signal: wanted, leave: () => undefined };
  const left = new AbortController();
  const signal = wanted ? AbortSignal.any([wanted, left.signal]) : left.signal;
  return { signal, leave: () => left.abort() };
}

const DONE = { done: true, value: undefined } as const;

/** What describes an open call is not kept for as long as it lasts. */
type Source =
  | Readonly<{ kind: "opening"; response: Promise<StreamResponse> }>
  | Readonly<{ kind: "open"; messages: AsyncIterator<Message, undefined>; onEnd?: () => void }>;

/**
 * What a stream brings that is being opened. Calls `leave` once nothing more is read. To be read by
 * one reader, one message at a time.
 *
 * Written out, not as a generator: of what a message costs its reader that was a good part.
 */
function leaving(
  response: Promise<StreamResponse>,
  options: CallOptions,
  leave: () => void,
): Messages {
  let source: Source = { kind: "opening", response };
  let isOver = false;

  async function begin(opening: Promise<StreamResponse>) {
    const { header, message, trailer } = await opening;
    options.onHeader?.(header);
    const { onTrailer } = options;
    const messages = message[Symbol.asyncIterator]();
    source = { kind: "open", messages, ...(onTrailer && { onEnd: () => onTrailer(trailer) }) };
    return messages.next();
  }

  function pass(result: IteratorResult<Message, undefined>): IteratorResult<Message, undefined> {
    if (!result.done) return result;
    if (source.kind === "open") source.onEnd?.();
    return end();
  }

  function end(): typeof DONE {
    isOver = true;
    leave();
    return DONE;
  }

  function fail(error: unknown): never {
    end();
    throw error;
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      if (isOver) return Promise.resolve(DONE);
      const next = source.kind === "open" ? source.messages.next() : begin(source.response);
      return next.then(pass, fail);
    },
    async return() {
      end();
      if (source.kind === "open") await source.messages.return?.();
      else source.response.then(abandon, () => undefined);
      return DONE;
    },
  };
}

/** Nobody waits for what is opened now, nor for how it ends: who left has been told that it is over. */
function abandon({ message }: StreamResponse): void {
  message[Symbol.asyncIterator]()
    .return?.()
    .catch(() => undefined);
}
