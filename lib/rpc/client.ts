import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescService,
} from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  createClient as createConnectClient,
  makeAnyClient,
  type StreamResponse,
  type Transport,
} from "@connectrpc/connect";

type AnyFn = (request: never, options?: CallOptions) => unknown;
type Streaming = DescMethodServerStreaming | DescMethodBiDiStreaming;

/**
 * Connect's client, but for two things: leaving a `for await` early cancels the call, where
 * Connect's own would leave it open until its signal aborts; and what a stream brings does not pass
 * through generators of Connect's.
 */
export function createClient<S extends DescService>(service: S, transport: Transport): Client<S> {
  const client = createConnectClient(service, transport) as Record<string, AnyFn>;
  return makeAnyClient(service, (method: DescMethod) => {
    switch (method.methodKind) {
      case "server_streaming":
        return (request: Record<string, unknown>, options?: CallOptions) =>
          openStream(transport, method, { input: only(request), options });
      case "bidi_streaming":
        return (input: AsyncIterable<Record<string, unknown>>, options?: CallOptions) =>
          openStream(transport, method, { input, options });
      default:
        return client[method.localName] as AnyFn;
    }
  }) as Client<S>;
}

async function* only<T>(item: T): AsyncGenerator<T, void, undefined> {
  yield item;
}

type Call = Readonly<{
  input: AsyncIterable<Record<string, unknown>>;
  options: CallOptions | undefined;
}>;

function openStream(transport: Transport, method: DescMethod, { input, options }: Call) {
  const left = new AbortController();
  const signals = options?.signal ? [options.signal, left.signal] : [left.signal];
  const { timeoutMs, headers, contextValues } = options ?? {};
  const signal = AbortSignal.any(signals);
  return leaving(
    transport.stream(method as Streaming, signal, timeoutMs, headers, input, contextValues),
    options,
    left,
  );
}

async function* leaving(
  opening: Promise<StreamResponse>,
  options: CallOptions | undefined,
  left: AbortController,
) {
  try {
    const { header, message, trailer } = await opening;
    options?.onHeader?.(header);
    yield* message;
    options?.onTrailer?.(trailer);
  } finally {
    left.abort();
  }
}
