import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Message, toJson } from "@bufbuild/protobuf";
import {
  ConnectError,
  createHandlerContext,
  type HandlerContext,
  type MethodImplSpec,
} from "@connectrpc/connect";
import {
  invokeUnaryImplementation,
  transformInvokeImplementation,
} from "@connectrpc/connect/protocol";
import { systemClock } from "../clock.ts";
import { cancelled, invalidFields } from "../errors.ts";
import type { RpcLimits } from "../rpc/limits.ts";
import { valuesFor } from "../rpc/peer.ts";
import type { Serving } from "../rpc/serving.ts";
import type { Endpoint } from "./endpoint.ts";
import { failureOf } from "./failure.ts";
import { beginReply, failureReply, jsonReply, plain, sendReply } from "./reply.ts";

/** The largest delay a Node timer holds. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** One request and the answer to it. */
export type Exchange = Readonly<{ request: IncomingMessage; response: ServerResponse }>;

/** Has the handler of an endpoint answer, behind all that calls pass on the other wires. */
export async function makeCall(
  { route, spec, interceptors }: Endpoint,
  message: Message,
  { serving, ...exchange }: Exchange & Readonly<{ serving: Serving }>,
): Promise<void> {
  const context = contextOf(spec, exchange, serving);
  try {
    if (spec.kind === "unary") {
      const answer = await invokeUnaryImplementation(spec, context, message, interceptors);
      const status = (route.isAvailable?.(answer) ?? true) ? 200 : 503;
      const headers = { ...plain(context.responseHeader), ...plain(context.responseTrailer) };
      sendReply(exchange.response, jsonReply(status, jsonOf(spec, answer), headers));
    } else {
      const answers = transformInvokeImplementation(spec, context, interceptors)(only(message));
      const text = wantsJson(exchange.request) ? undefined : route.text;
      const { limits } = serving;
      await sendStream(answers, { ...exchange, limits, context, spec, text });
    }
  } finally {
    context.abort(cancelled("the call is over"));
  }
}

async function* only(message: Message): AsyncGenerator<Message, void, undefined> {
  yield message;
}

/** With every field that has a default present, so that scripts find it. */
const jsonOf = ({ method }: MethodImplSpec, message: Message) =>
  toJson(method.output, message, { alwaysEmitImplicit: true });

const wantsJson = ({ headers }: IncomingMessage): boolean => /json/i.test(headers.accept ?? "");

function contextOf(spec: MethodImplSpec, { request, response }: Exchange, serving: Serving) {
  const { limits, draining } = serving;
  const { remoteAddress, remotePort } = request.socket;
  const isUnary = spec.kind === "unary";
  const timeoutMs = timeoutMsOf(request) ?? (isUnary ? limits.unaryMs : undefined);
  const left = new AbortController();
  response.once("close", () => left.abort(cancelled("the caller left")));
  return createHandlerContext({
    service: spec.method.parent,
    method: spec.method,
    protocolName: "http",
    requestMethod: request.method ?? "",
    url: `http://${request.headers.host}${request.url}`,
    requestHeader: headersOf(request),
    contextValues: valuesFor(`${remoteAddress}:${remotePort}`),
    requestSignal: left.signal,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(!isUnary && { shutdownSignal: draining }),
  });
}

/** The deadline as Connect's callers give it. Undefined without one. */
function timeoutMsOf({ headers }: IncomingMessage): number | undefined {
  const text = headers["connect-timeout-ms"];
  if (text === undefined) return undefined;
  if (typeof text === "string" && /^[1-9][0-9]{0,9}$/.test(text))
    return Math.min(Number(text), TIMEOUT_MS_MAX);
  const description = "must be whole milliseconds, 1 or more, in at most 10 digits";
  throw invalidFields([{ field: "connect-timeout-ms", description }]);
}

const headersOf = ({ headers }: IncomingMessage): [string, string][] =>
  Object.entries(headers).map(([name, value = ""]) => [name, String(value)]);

type Streaming = Exchange &
  Readonly<{
    limits: RpcLimits;
    context: HandlerContext;
    spec: MethodImplSpec;
    text: ((message: Message) => readonly Uint8Array[]) | undefined;
  }>;

/** Sends messages as they come: as text, or each as a line of JSON. */
async function sendStream(messages: AsyncIterable<Message>, streaming: Streaming): Promise<void> {
  const { response, request, limits, context, spec, text } = streaming;
  const type = text ? "text/plain; charset=utf-8" : "application/x-ndjson";
  const begin = () => {
    if (response.headersSent) return;
    beginReply(response, type, plain(context.responseHeader));
    if (request.method === "HEAD") response.end();
  };
  const disarm = systemClock.after(limits.httpBeginMs, begin);
  try {
    for await (const message of messages) {
      begin();
      const pieces = text ? text(message) : [lineOf(jsonOf(spec, message))];
      for (const piece of pieces) await write(response, piece, context.signal);
    }
    begin();
    response.end();
  } catch (error) {
    failStream(error, streaming);
  } finally {
    disarm();
  }
}

const lineOf = (json: unknown) => Buffer.from(`${JSON.stringify(json)}\n`);

/** Waits for a slow reader. Rejects when it leaves. */
async function write(response: ServerResponse, piece: Uint8Array, signal: AbortSignal) {
  if (!response.write(piece)) await once(response, "drain", { signal });
}

/** Before the first message an error is an answer; after it a last line; in text, an end too early. */
function failStream(error: unknown, { response, request, context, text }: Streaming): void {
  const failed = context.signal.aborted ? reasonOf(context.signal, error) : error;
  if (!response.headersSent) sendReply(response, failureReply(failed));
  else if (text) request.socket.destroySoon();
  else response.end(lineOf({ error: failureOf(failed) }));
}

/** Waiting for a reader fails with an error of its own. */
const reasonOf = ({ reason }: AbortSignal, error: unknown): unknown =>
  error instanceof ConnectError ? error : reason;
