import type {
  DescMessage,
  DescMethodStreaming,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { ConnectError, type StreamResponse } from "@connectrpc/connect";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { Log } from "../log.ts";
import { untilAborted } from "./abortable.ts";
import {
  abortError,
  type CallOptions,
  type CallState,
  deadlineIn,
  decodeResponse,
  describe,
  follow,
  requestMetadata,
} from "./client-call.ts";
import { encode } from "./codec.ts";
import type { Connection } from "./connection.ts";
import { asIs, pathOf } from "./definition.ts";
import { drained, messagesOf, writeMessage } from "./grpc-stream.ts";
import { defaultLimits } from "./limits.ts";
import { withoutStack } from "./without-stack.ts";

const DONE = { done: true, value: undefined } as const;

type Duplex = ClientDuplexStream<Uint8Array, Uint8Array>;

type Stream<I extends DescMessage, O extends DescMessage> = Readonly<{
  call: Duplex;
  method: DescMethodStreaming<I, O>;
  signal: AbortSignal | undefined;
  log: Log;
}>;

/**
 * Opens a stream of any kind; grpc-js sees each as bidirectional. Resolves when the server
 * has answered with its header or with an error, which reading then throws. Sends meanwhile.
 */
export async function openStream<I extends DescMessage, O extends DescMessage>(
  { connection, log }: Readonly<{ connection: Connection; log: Log }>,
  method: DescMethodStreaming<I, O>,
  input: AsyncIterable<MessageInitShape<I>>,
  { signal, timeoutMs, header }: CallOptions,
): Promise<StreamResponse<I, O>> {
  if (signal?.aborted) throw abortError(signal);
  const link = connection.link();
  const call: Duplex = withoutStack(() =>
    link.client.makeBidiStreamRequest(
      pathOf(method),
      asIs,
      asIs,
      requestMetadata(header),
      deadlineIn(timeoutMs),
    ),
  );
  call.on("error", (err) => log.debug({ err, method: pathOf(method) }, "stream failed"));
  const state = follow(call, { link, connection, signal });
  const stream = { call, method, signal, log };
  const sent = send(stream, input);
  await state.answered;
  const message = receive(stream, { ended: state.ended, sent });
  return { stream: true, ...describe(method, state), message };
}

/** Never rejects: resolves with what kept `input` from being sent, if it was not the call's end. */
async function send<I extends DescMessage, O extends DescMessage>(
  { call, method, log }: Stream<I, O>,
  input: AsyncIterable<MessageInitShape<I>>,
): Promise<ConnectError | undefined> {
  const over = new AbortController();
  const end = () => over.abort();
  call.once("status", end);
  const onLate = (err: unknown) => log.debug({ err }, "input failed after the call's end");
  try {
    for await (const message of untilAborted(input, over.signal, onLate)) {
      const bytes = encode(method.input, message, defaultLimits.messageBytes);
      if (!writeMessage(call, bytes, over.signal)) await drained(call, over.signal);
    }
    call.end();
    return undefined;
  } catch (error) {
    if (over.signal.aborted) return undefined;
    call.cancel();
    return ConnectError.from(error);
  } finally {
    call.off("status", end);
  }
}

/**
 * Cancels the call when its reader stops early; one that has ended ignores that. Written out, not as
 * a generator: of what a message costs its reader that was a good part.
 */
function receive<I extends DescMessage, O extends DescMessage>(
  { call, method, signal }: Stream<I, O>,
  { ended, sent }: Readonly<{ ended: CallState["ended"]; sent: CallState["ended"] }>,
): AsyncIterableIterator<MessageShape<O>, undefined> {
  const decode = (bytes: Uint8Array) => decodeResponse(method.output, bytes);
  const messages = messagesOf(call, signal, decode);

  async function end(): Promise<IteratorResult<MessageShape<O>, undefined>> {
    const failure = await ended;
    if (failure) throw (await sent) ?? failure;
    return DONE;
  }

  function fail(error: unknown): never {
    call.cancel();
    throw signal?.aborted ? abortError(signal) : error;
  }

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => messages.next().then((result) => (result.done ? end().catch(fail) : result), fail),
    async return() {
      call.cancel();
      await messages.return?.();
      return DONE;
    },
  };
}
