import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
} from "@bufbuild/protobuf";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { assert } from "../assert.ts";

/** Answers the calls of a service, whichever method they are of. */
export type Delegate = Readonly<{
  unary(method: DescMethodUnary, request: Message, context: HandlerContext): Promise<Message>;
  serverStream(
    method: DescMethodServerStreaming,
    request: Message,
    context: HandlerContext,
  ): AsyncIterable<Message>;
}>;

type Answer = Promise<Message> | Message | AsyncIterable<Message>;
type Handler = (request: Message, context: HandlerContext) => Answer;

/** Handlers that leave every call to a delegate. For services of unary and server-streaming methods. */
export function delegating<S extends DescService>(service: S, delegate: Delegate): ServiceImpl<S> {
  const handlerOf = (method: DescMethod): Handler => {
    if (method.methodKind === "unary")
      return (request, context) => delegate.unary(method as DescMethodUnary, request, context);
    assert(method.methodKind === "server_streaming", `${method.name} takes one request`);
    return (request, context) =>
      delegate.serverStream(method as DescMethodServerStreaming, request, context);
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
