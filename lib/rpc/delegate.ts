import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
} from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { assert } from "../assert.ts";

/** Methods that answer with a stream. */
export type StreamMethod = DescMethodServerStreaming | DescMethodBiDiStreaming;

/** One message, or of a conversation all that its caller says. */
export type StreamRequest = Message | AsyncIterable<Message>;

/** Answers the calls of a service, whichever method they are of. */
export type Delegate = Readonly<{
  unary(method: DescMethodUnary, request: Message, context: HandlerContext): Promise<Message>;
  stream(
    method: StreamMethod,
    request: StreamRequest,
    context: HandlerContext,
  ): AsyncIterable<Message>;
}>;

type Answer = Promise<Message> | Message | AsyncIterable<Message>;
type Handler = (request: StreamRequest, context: HandlerContext) => Answer;

/** Handlers that leave every call to a delegate. Not for streams that only the caller sends. */
export function delegating<S extends DescService>(service: S, delegate: Delegate): ServiceImpl<S> {
  const handlerOf = (method: DescMethod): Handler => {
    const kind = method.methodKind;
    if (kind === "unary")
      return (request, context) =>
        delegate.unary(method as DescMethodUnary, request as Message, context);
    assert(kind !== "client_streaming", `${method.name} is answered by a stream`);
    return (request, context) => delegate.stream(method as StreamMethod, request, context);
  };
  const handlers = service.methods.map((method) => [method.localName, handlerOf(method)] as const);
  return Object.fromEntries(handlers) as ServiceImpl<S>;
}

/** Has the handler of a method answer a call. Undefined when there is no such handler. */
export function handlerFor<S extends DescService>(
  impl: Partial<ServiceImpl<S>>,
  method: DescMethod,
): Handler | undefined {
  const handlers: Partial<Record<string, unknown>> = impl;
  return handlers[method.localName] as Handler | undefined;
}
