import type { DescMessage, Message, MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, Interceptor, MethodImplSpec } from "@connectrpc/connect";
import { transformInvokeImplementation } from "@connectrpc/connect/protocol";

type Messages = AsyncIterable<Message>;
type Answers = AsyncIterable<MessageInitShape<DescMessage>>;

/**
 * What a handler answers, behind all interceptors. Connect invokes it, and would have each answer pass
 * an iterable that fills it in, and generators: what fills it in is left out here, for the codec
 * does without, and the answers are taken before they come to the generators.
 */
export async function invokeStream(
  spec: MethodImplSpec,
  context: HandlerContext,
  { interceptors, requests }: Readonly<{ interceptors: Interceptor[]; requests: Messages }>,
): Promise<Answers> {
  let responses: Answers = nothing();
  const takeAway: Interceptor = (next) => async (request) => {
    const response = await next(request);
    if (!response.stream) return response;
    responses = response.message;
    return { ...response, message: nothing() };
  };
  const { bare, leaveBare } = bared(spec);
  const run = transformInvokeImplementation(bare, context, [takeAway, ...interceptors, leaveBare]);
  await run(requests)[Symbol.asyncIterator]().next();
  return responses;
}

/** The handler, and an interceptor that passes on what it answers as it is. */
function bared(spec: MethodImplSpec): Readonly<{ bare: MethodImplSpec; leaveBare: Interceptor }> {
  let answers: Answers | undefined;
  const keep = (given: Answers): Answers => {
    answers = given;
    return given;
  };
  const leaveBare: Interceptor = (next) => async (request) => {
    const response = await next(request);
    return response.stream && answers ? { ...response, message: answers as Messages } : response;
  };
  if (spec.kind === "server_streaming") {
    const impl = (request: Message, self: HandlerContext) => keep(spec.impl(request, self));
    return { bare: { ...spec, impl }, leaveBare };
  }
  if (spec.kind === "bidi_streaming") {
    const impl = (requests: Messages, self: HandlerContext) => keep(spec.impl(requests, self));
    return { bare: { ...spec, impl }, leaveBare };
  }
  return { bare: spec, leaveBare };
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}
