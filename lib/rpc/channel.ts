import type { DescMessage, DescMethodUnary, MessageInitShape } from "@bufbuild/protobuf";
import type { UnaryResponse } from "@connectrpc/connect";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import {
  abortError,
  type CallOptions,
  deadlineIn,
  decodeResponse,
  describe,
  follow,
  requestMetadata,
} from "./client-call.ts";
import { openStream } from "./client-stream.ts";
import { encode } from "./codec.ts";
import { type ClientTls, type Connection, createConnection } from "./connection.ts";
import { asIs, pathOf } from "./definition.ts";
import { clientLimits, defaultLimits } from "./limits.ts";
import type { ClientTransport } from "./stream-reading.ts";
import { withoutStack } from "./without-stack.ts";

/**
 * A Connect transport that speaks gRPC through grpc-js. Connects with the first call and
 * again whenever needed. Every failure is a ConnectError with its details.
 */
export type Channel = ClientTransport & {
  /** Where it leads: `host:port`. */
  readonly address: string;
  /** Fails what waits for a connection, lets calls under way finish, refuses new ones. */
  close(): void;
};

export type ChannelOptions = Readonly<{
  address: string;
  clock: Clock;
  log: Log;
  /** Deadline of a unary call that has none of its own. Default: 5 s. */
  timeoutMs?: number;
  /** How long a call waits for a connection before it fails. Default: 5 s. */
  connectMs?: number;
  /** Absent: plain text. */
  tls?: ClientTls;
}>;

export function openChannel(options: ChannelOptions): Channel {
  const { address, clock, log, tls } = options;
  const { timeoutMs: defaultMs = clientLimits.unaryMs, connectMs = clientLimits.connectMs } =
    options;
  const connection = createConnection({ address, clock, log, connectMs, tls });
  return {
    address,
    cancelsOnReturn: true,
    close: connection.close,
    unary: (method, signal, timeoutMs = defaultMs, header, input) =>
      callUnary(connection, method, input, { signal, timeoutMs, header }),
    stream: (method, signal, timeoutMs, header, input) =>
      openStream({ connection, log }, method, input, { signal, timeoutMs, header }),
  };
}

async function callUnary<I extends DescMessage, O extends DescMessage>(
  connection: Connection,
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
  { signal, timeoutMs, header }: CallOptions,
): Promise<UnaryResponse<I, O>> {
  if (signal?.aborted) throw abortError(signal);
  const request = encode(method.input, input, defaultLimits.messageBytes);
  const link = connection.link();
  let response: Uint8Array = new Uint8Array();
  const call = withoutStack(() =>
    link.client.makeUnaryRequest(
      pathOf(method),
      asIs,
      asIs,
      request,
      requestMetadata(header),
      deadlineIn(timeoutMs),
      // The error comes with the status too, there complete.
      (_error, value) => {
        response = value ?? response;
      },
    ),
  );
  const state = follow(call, { link, connection, signal });
  const error = await state.ended;
  if (error) throw error;
  const message = decodeResponse(method.output, response);
  return { stream: false, ...describe(method, state), message };
}
