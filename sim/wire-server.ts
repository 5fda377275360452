import type { DescMethod, Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createHandlerContext,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
} from "@connectrpc/connect";
import {
  invokeUnaryImplementation,
  transformInvokeImplementation,
} from "@connectrpc/connect/protocol";
import type { Clock } from "../lib/clock.ts";
import { cancelled, timedOut } from "../lib/errors.ts";
import { decodeRequest, encode } from "../lib/rpc/codec.ts";
import { defaultLimits } from "../lib/rpc/limits.ts";
import { valuesFor } from "../lib/rpc/peer.ts";
import { statusOf } from "../lib/rpc/status.ts";
import type { Tap } from "./fence-monitor.ts";
import type { HandlerEnd, Opening } from "./wire-call.ts";
import { createCredits, createInbox, createWindow, type Inbox, type Window } from "./wire-flow.ts";

/** A method, its handler, and what its calls pass through. */
export type ServedMethod = Readonly<{ spec: MethodImplSpec; interceptors: Interceptor[] }>;

export type ServingCalls = Readonly<{
  methods: ReadonlyMap<string, ServedMethod>;
  clock: Clock;
  /** Aborts when the server drains. Ends streams; unary calls may finish. */
  draining: AbortSignal;
  machine: string;
  tap: Tap;
}>;

type Context = HandlerContext & Readonly<{ abort: (reason?: unknown) => void }>;

type Call = ServedMethod &
  Readonly<{ context: Context; opening: Opening; serving: ServingCalls; over: () => void }>;

const OVER = cancelled("the call is over");
const LEFT = cancelled("the caller left");

/** Has a handler answer a call, as the real wire does. `onOver` is called when it has. */
export function serveCall(
  opening: Opening,
  serving: ServingCalls,
  onOver: (end: HandlerEnd) => void,
): HandlerEnd {
  const served = serving.methods.get(opening.path);
  if (!served) {
    const error = new ConnectError(`unknown method ${opening.path}`, Code.Unimplemented);
    opening.reply((caller) => caller.end(statusOf(error)));
    return deaf;
  }
  const context = contextOf(served.spec.method, opening, serving.draining);
  const timeoutMs = opening.timeoutMs ?? unaryDeadline(served.spec);
  const disarm = timeoutMs === undefined ? () => undefined : arm(serving.clock, timeoutMs, context);
  const over = () => {
    disarm();
    context.abort(OVER);
    onOver(end);
  };
  const call: Call = { ...served, context, opening, serving, over };
  const end = served.spec.kind === "unary" ? serveUnary(call, served.spec) : serveStream(call);
  return end;
}

const unaryDeadline = ({ kind }: MethodImplSpec) =>
  kind === "unary" ? defaultLimits.unaryMs : undefined;

const arm = (clock: Clock, timeoutMs: number, context: Context) =>
  clock.after(timeoutMs, () =>
    context.abort(timedOut("DEADLINE_EXCEEDED", "the caller's deadline has passed")),
  );

const deaf: HandlerEnd = {
  message: () => undefined,
  halfClose: () => undefined,
  cancel: () => undefined,
  credit: () => undefined,
};

function contextOf(
  method: DescMethod,
  { path, header, timeoutMs, peer }: Opening,
  draining: AbortSignal,
): Context {
  const context = createHandlerContext({
    service: method.parent,
    method,
    protocolName: "grpc",
    requestMethod: "POST",
    url: `http://sim${path}`,
    requestHeader: header,
    contextValues: valuesFor(peer),
    ...(method.methodKind === "unary" ? {} : { shutdownSignal: draining }),
  });
  // Connect would watch the deadline by the machine's own time.
  return Object.assign(context, { timeoutMs: () => timeoutMs });
}

function serveUnary(call: Call, spec: MethodImplSpec & { kind: "unary" }): HandlerEnd {
  const { context, opening, interceptors, serving, over } = call;
  async function answer(): Promise<Uint8Array> {
    const request = decodeRequest(spec.method.input, opening.request ?? new Uint8Array());
    const told = serving.tap(serving.machine, spec.method, request);
    const response = await invokeUnaryImplementation(spec, context, request, interceptors);
    const bytes = encode(spec.method.output, response, defaultLimits.messageBytes);
    if (told) told(decodeRequest(spec.method.output, bytes));
    return bytes;
  }
  void answer()
    .then(
      (bytes) => opening.reply((caller) => caller.end(undefined, bytes, context.responseHeader)),
      (error: unknown) => fail(opening, error, context.responseHeader),
    )
    .then(over);
  return { ...deaf, cancel: () => context.abort(LEFT) };
}

function fail({ reply }: Opening, error: unknown, header?: Headers): void {
  const status = statusOf(ConnectError.from(error));
  reply((caller) => caller.end(status, undefined, header));
}

function serveStream(call: Call): HandlerEnd {
  const { context, opening, over } = call;
  const credit = createCredits((bytes) => opening.reply((caller) => caller.credit(bytes)));
  const inbox = createInbox(credit);
  const window = createWindow();
  void converse(call, inbox, window)
    .then(
      () => opening.reply((caller) => caller.end(undefined)),
      (error: unknown) => fail(opening, error),
    )
    .then(over);
  return {
    message: inbox.push,
    halfClose: () => inbox.end(),
    cancel: () => context.abort(LEFT),
    credit: window.give,
  };
}

async function converse(
  { spec, context, interceptors, opening, serving }: Call,
  inbox: Inbox,
  window: Window,
): Promise<void> {
  const { input, output } = spec.method;
  const respond = transformInvokeImplementation(spec, context, interceptors);
  const tap = tapStream(serving, spec.method);
  const requests = tap.heard(decoded(inbox.read(context.signal), input));
  for await (const response of respond(requests)) {
    const bytes = encode(output, response, defaultLimits.messageBytes);
    context.signal.throwIfAborted();
    tap.answered(bytes);
    window.take(bytes.length);
    opening.reply((caller) => caller.message(bytes));
    await window.room(context.signal);
    context.signal.throwIfAborted();
  }
}

/** Tells the tap of the messages that it wants to hear of: each is answered before the next is read. */
function tapStream({ tap, machine }: ServingCalls, method: DescMethod) {
  const untold: ((response: Message) => void)[] = [];
  return {
    async *heard(messages: AsyncIterable<Message>): AsyncGenerator<Message, void, undefined> {
      for await (const message of messages) {
        const told = tap(machine, method, message);
        if (told) untold.push(told);
        yield message;
      }
    },
    answered: (bytes: Uint8Array) => untold.shift()?.(decodeRequest(method.output, bytes)),
  };
}

async function* decoded(
  messages: AsyncIterable<Uint8Array>,
  schema: DescMethod["input"],
): AsyncGenerator<Message, void, undefined> {
  for await (const bytes of messages) yield decodeRequest(schema, bytes);
}
