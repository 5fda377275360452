import type { DescMethod, DescService } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  createClient as createConnectClient,
  makeAnyClient,
  type Transport,
} from "@connectrpc/connect";

type StreamFn = (request: unknown, options?: CallOptions) => AsyncIterable<unknown>;

/**
 * Connect's client, but for one thing: leaving a `for await` early cancels the call. Connect's
 * own would leave it open until its signal aborts.
 */
export function createClient<S extends DescService>(service: S, transport: Transport): Client<S> {
  const client = createConnectClient(service, transport);
  const methods = client as Record<string, StreamFn>;
  return makeAnyClient(service, ({ localName, methodKind }: DescMethod) => {
    const call = methods[localName] as StreamFn;
    return methodKind === "server_streaming" || methodKind === "bidi_streaming"
      ? stoppable(call)
      : call;
  }) as Client<S>;
}

const stoppable =
  (call: StreamFn): StreamFn =>
  (request, options) => {
    const left = new AbortController();
    const signals = options?.signal ? [options.signal, left.signal] : [left.signal];
    return leaving(call(request, { ...options, signal: AbortSignal.any(signals) }), left);
  };

async function* leaving(messages: AsyncIterable<unknown>, left: AbortController) {
  try {
    yield* messages;
  } finally {
    left.abort();
  }
}
