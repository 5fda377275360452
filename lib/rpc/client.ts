import type { DescMethod, DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  createClient as createConnectClient,
} from "@connectrpc/connect";
import { type ClientTransport, readStream } from "./stream-reading.ts";

type AnyFn = (request: never, options?: CallOptions) => unknown;

/** What a client calls through. */
const TRANSPORT = Symbol("transport");

/**
 * Connect's client, but for three things: leaving a `for await` early cancels the call, where
 * Connect's own would leave it open until its signal aborts; what a stream brings does not pass
 * through generators of Connect's; and the function for a method is made when it is asked for, for
 * who has thousands of clients and calls one method or two of each.
 */
export const createClient = <S extends DescService>(
  service: S,
  transport: ClientTransport,
): Client<S> =>
  Object.defineProperties(
    Object.defineProperty({}, TRANSPORT, { value: transport }),
    methodsOf(service),
  ) as Client<S>;

const known = new WeakMap<DescService, PropertyDescriptorMap>();

/** The same for all clients of a service, so that they share their shape. */
function methodsOf(service: DescService): PropertyDescriptorMap {
  const methods = known.get(service) ?? Object.fromEntries(service.methods.map(propertyOf));
  known.set(service, methods);
  return methods;
}

const propertyOf = (method: DescMethod): [string, PropertyDescriptor] => [
  method.localName,
  {
    enumerable: true,
    get(this: Readonly<{ [TRANSPORT]: ClientTransport }>) {
      return callOf(method, this[TRANSPORT]);
    },
  },
];

function callOf(method: DescMethod, transport: ClientTransport): AnyFn {
  switch (method.methodKind) {
    case "unary":
      return (request: Record<string, unknown>, options?: CallOptions) =>
        callUnary(transport, method, { request, options });
    case "server_streaming":
      return (request: Record<string, unknown>, options?: CallOptions) =>
        readStream(transport, method, { input: only(request), options });
    case "bidi_streaming":
      return (input: AsyncIterable<Record<string, unknown>>, options?: CallOptions) =>
        readStream(transport, method, { input, options });
    default: {
      const client = createConnectClient(method.parent, transport) as Record<string, AnyFn>;
      return client[method.localName] as AnyFn;
    }
  }
}

type UnaryCall = Readonly<{
  request: Record<string, unknown>;
  options: CallOptions | undefined;
}>;

async function callUnary(
  transport: ClientTransport,
  method: DescMethod,
  { request, options = {} }: UnaryCall,
): Promise<Message> {
  const { signal, timeoutMs, headers, contextValues } = options;
  const unary = method as DescMethodUnary;
  const answer = transport.unary(unary, signal, timeoutMs, headers, request, contextValues);
  const { header, message, trailer } = await answer;
  options.onHeader?.(header);
  options.onTrailer?.(trailer);
  return message;
}

async function* only<T>(item: T): AsyncGenerator<T, void, undefined> {
  yield item;
}
