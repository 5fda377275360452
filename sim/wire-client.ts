import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodStreaming,
  type DescMethodUnary,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { ConnectError, type StreamResponse, type UnaryResponse } from "@connectrpc/connect";
import type { Clock } from "../lib/clock.ts";
import { cancelled, timedOut } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { untilAborted } from "../lib/rpc/abortable.ts";
import { abortError, type CallOptions, decodeResponse } from "../lib/rpc/client-call.ts";
import { encode } from "../lib/rpc/codec.ts";
import { pathOf } from "../lib/rpc/definition.ts";
import { defaultLimits } from "../lib/rpc/limits.ts";
import { errorFrom } from "../lib/rpc/status.ts";
import type { CallerEnd, HandlerEnd } from "./wire-call.ts";
import { createCredits, createInbox, createWindow, type Inbox, type Window } from "./wire-flow.ts";

/** Puts a call on a connection. */
export type OpenCall = (
  call: Readonly<{
    path: string;
    header: Headers;
    timeoutMs: number | undefined;
    request: Uint8Array | undefined;
    /** Gets the answer, and the error when the connection breaks. */
    caller: CallerEnd & { fail(error: ConnectError): void };
  }>,
) => Readonly<{ send: (run: (handler: HandlerEnd) => void) => void; close: () => void }>;

type Way = Readonly<{ open: OpenCall; clock: Clock; log: Log }>;

/** What every call has: an end that comes once, from the server, the caller, or the clock. */
function createEnding(
  { clock }: Way,
  { signal, timeoutMs }: CallOptions,
  onEnd: (error?: ConnectError) => void,
) {
  let isOver = false;
  let onEarly: () => void = () => undefined;
  const disarm =
    timeoutMs === undefined || timeoutMs <= 0
      ? () => undefined
      : clock.after(timeoutMs, () => early(timedOut("DEADLINE_EXCEEDED", "no answer in time")));
  const leave = () => signal && early(abortError(signal));
  signal?.addEventListener("abort", leave, { once: true });

  function finish(error?: ConnectError): void {
    if (isOver) return;
    isOver = true;
    disarm();
    signal?.removeEventListener("abort", leave);
    onEnd(error);
  }

  /** The caller's side ends the call: the server is told. */
  function early(error: ConnectError): void {
    if (isOver) return;
    finish(error);
    onEarly();
  }

  return {
    finish,
    early,
    isOver: () => isOver,
    whenEarly(action: () => void) {
      onEarly = action;
    },
  };
}

const headerOf = (header: HeadersInit | undefined) => new Headers(header);

export async function callUnary<I extends DescMessage, O extends DescMessage>(
  way: Way,
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
  options: CallOptions,
): Promise<UnaryResponse<I, O>> {
  if (options.signal?.aborted) throw abortError(options.signal);
  const request = encode(method.input, input, defaultLimits.messageBytes);
  const { bytes, header } = await new Promise<Answer>((resolve, reject) => {
    let answer: Answer = { bytes: new Uint8Array(), header: new Headers() };
    const ending = createEnding(way, options, (error) => (error ? reject(error) : resolve(answer)));
    const caller = {
      message: () => undefined,
      credit: () => undefined,
      end(...[reply, message, told = new Headers()]: Parameters<CallerEnd["end"]>) {
        if (message) answer = { bytes: message, header: told };
        const error = reply && errorFrom(reply);
        told.forEach((value, name) => void error?.metadata.set(name, value));
        ending.finish(error);
      },
      fail: ending.finish,
    };
    const { timeoutMs } = options;
    const path = pathOf(method);
    const call = way.open({ path, header: headerOf(options.header), timeoutMs, request, caller });
    ending.whenEarly(() => {
      call.send((handler) => handler.cancel());
      call.close();
    });
  });
  const message = decodeResponse(method.output, bytes);
  return { stream: false, ...particulars(method), header, message };
}

type Answer = Readonly<{ bytes: Uint8Array; header: Headers }>;

const particulars = <M extends DescMethod>(method: M) => ({
  service: method.parent,
  method,
  header: new Headers(),
  trailer: new Headers(),
});

/** Resolves when the server has sent something, or has ended the call. */
export async function openStream<I extends DescMessage, O extends DescMessage>(
  way: Way,
  method: DescMethodStreaming<I, O>,
  input: AsyncIterable<MessageInitShape<I>>,
  options: CallOptions,
): Promise<StreamResponse<I, O>> {
  if (options.signal?.aborted) throw abortError(options.signal);
  const over = new AbortController();
  let answer: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const ending = createEnding(way, options, (error) => {
    over.abort();
    inbox.end(error);
    answer();
  });
  const credit = createCredits((bytes) => call.send((handler) => handler.credit(bytes)));
  const inbox = createInbox((bytes) => {
    if (!ending.isOver()) credit(bytes);
  });
  const window = createWindow();
  const caller = {
    message(bytes: Uint8Array) {
      if (ending.isOver()) return;
      inbox.push(bytes);
      answer();
    },
    credit: window.give,
    end: (reply: Parameters<CallerEnd["end"]>[0]) => ending.finish(reply && errorFrom(reply)),
    fail: ending.finish,
  };
  const { timeoutMs } = options;
  const header = headerOf(options.header);
  const call = way.open({ path: pathOf(method), header, timeoutMs, request: undefined, caller });
  ending.whenEarly(() => {
    call.send((handler) => handler.cancel());
    call.close();
  });
  const stream = { call, method, window, over: over.signal, early: ending.early, log: way.log };
  void send(stream, input);
  await answered;
  const message = receive(method, inbox, options.signal, ending.early);
  return { stream: true, ...particulars(method), message };
}

type Outgoing<I extends DescMessage, O extends DescMessage> = Readonly<{
  call: ReturnType<OpenCall>;
  method: DescMethodStreaming<I, O>;
  window: Window;
  over: AbortSignal;
  early: (error: ConnectError) => void;
  log: Log;
}>;

/** Never rejects: input that fails ends the call with its error. */
async function send<I extends DescMessage, O extends DescMessage>(
  { call, method, window, over, early, log }: Outgoing<I, O>,
  input: AsyncIterable<MessageInitShape<I>>,
): Promise<void> {
  const onLate = (err: unknown) => log.debug({ err }, "input failed after the call's end");
  try {
    for await (const message of untilAborted(input, over, onLate)) {
      const bytes = encode(method.input, create(method.input, message), defaultLimits.messageBytes);
      window.take(bytes.length);
      call.send((handler) => handler.message(bytes));
      await window.room(over);
    }
    call.send((handler) => handler.halfClose());
  } catch (error) {
    if (!over.aborted) early(ConnectError.from(error));
  }
}

/** Cancels the call when its reader stops early; one that has ended ignores that. */
async function* receive<I extends DescMessage, O extends DescMessage>(
  method: DescMethodStreaming<I, O>,
  inbox: Inbox,
  signal: AbortSignal | undefined,
  early: (error: ConnectError) => void,
) {
  try {
    for await (const bytes of inbox.read(signal ?? new AbortController().signal))
      yield decodeResponse(method.output, bytes);
  } catch (error) {
    throw signal?.aborted ? abortError(signal) : error;
  } finally {
    early(LEFT);
  }
}

const LEFT = cancelled("the reader left");
