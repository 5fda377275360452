import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescService,
  Message,
} from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  createClient as createConnectClient,
  type StreamResponse,
  type Transport,
} from "@connectrpc/connect";

type AnyFn = (request: never, options?: CallOptions) => unknown;
type Streaming = DescMethodServerStreaming | DescMethodBiDiStreaming;

type Wire = Transport & SelfCancelling;

/** What a client calls through. */
const TRANSPORT = Symbol("transport");

/**
 * Connect's client, but for three things: leaving a `for await` early cancels the call, where
 * Connect's own would leave it open until its signal aborts; what a stream brings does not pass
 * through generators of Connect's; and the function for a method is made when it is first asked for,
 * for who has thousands of clients and calls one method or two of each.
 */
export const createClient = <S extends DescService>(service: S, transport: Wire): Client<S> =>
  Object.create(prototypeOf(service), { [TRANSPORT]: { value: transport } });

const prototypes = new WeakMap<DescService, object>();

function prototypeOf(service: DescService): object {
  const known = prototypes.get(service);
  if (known) return known;
  const prototype = {};
  for (const method of service.methods)
    Object.defineProperty(prototype, method.localName, {
      get(this: Readonly<{ [TRANSPORT]: Wire }>) {
        const value = callOf(method, this[TRANSPORT]);
        Object.defineProperty(this, method.localName, { value });
        return value;
      },
    });
  prototypes.set(service, prototype);
  return prototype;
}

function callOf(method: DescMethod, transport: Wire): AnyFn {
  switch (method.methodKind) {
    case "server_streaming":
      return (request: Record<string, unknown>, options?: CallOptions) =>
        openStream(transport, method, { input: only(request), options });
    case "bidi_streaming":
      return (input: AsyncIterable<Record<string, unknown>>, options?: CallOptions) =>
        openStream(transport, method, { input, options });
    default: {
      const client = createConnectClient(method.parent, transport) as Record<string, AnyFn>;
      return client[method.localName] as AnyFn;
    }
  }
}

async function* only<T>(item: T): AsyncGenerator<T, void, undefined> {
  yield item;
}

type Call = Readonly<{
  input: AsyncIterable<Record<string, unknown>>;
  options: CallOptions | undefined;
}>;

type Messages = AsyncIterableIterator<Message, undefined>;

function openStream(transport: Wire, method: DescMethod, { input, options = {} }: Call) {
  const { timeoutMs, headers, contextValues } = options;
  const { signal, leave } = endOf(transport, options.signal);
  return leaving(
    transport.stream(method as Streaming, signal, timeoutMs, headers, input, contextValues),
    options,
    leave,
  );
}

/** How a stream is told that nothing more is read of it. */
function endOf(transport: Wire, wanted: AbortSignal | undefined) {
  if (transport.cancelsOnReturn) return { signal: wanted, leave: () => undefined };
  const left = new AbortController();
  const signal = wanted ? AbortSignal.any([wanted, left.signal]) : left.signal;
  return { signal, leave: () => left.abort() };
}

/**
 * A transport that cancels a stream when the iterator of its messages is told to return. For others
 * it takes a signal or two for each stream, which are most of what a client keeps of one.
 */
export type SelfCancelling = Readonly<{ cancelsOnReturn?: true }>;

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

/** Nobody waits for what is opened now. */
function abandon({ message }: StreamResponse): void {
  message[Symbol.asyncIterator]()
    .return?.()
    .catch(() => undefined);
}
