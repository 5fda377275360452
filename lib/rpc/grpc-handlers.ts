import type { Message } from "@bufbuild/protobuf";
import { ConnectError, type MethodImplSpec } from "@connectrpc/connect";
import { invokeUnaryImplementation } from "@connectrpc/connect/protocol";
import type * as grpc from "@grpc/grpc-js";
import { decodeRequest, encode } from "./codec.ts";
import { serviceDefinition } from "./definition.ts";
import { type Context, contextOf, type StreamCall, type UnaryCall } from "./grpc-context.ts";
import { drained, messagesOf, writeMessage } from "./grpc-stream.ts";
import { invokeStream } from "./invoke-stream.ts";
import { toMetadata } from "./metadata.ts";
import { pullable } from "./pulled.ts";
import { sendEach } from "./send-each.ts";
import type { Served, Serving } from "./serving.ts";
import { statusOf } from "./status.ts";

type Reply = grpc.sendUnaryData<Uint8Array>;
type UnarySpec = MethodImplSpec & { kind: "unary" };
type Wire = Served & Omit<Serving, "services">;

/** Mounts Connect handlers on a grpc-js server. */
export function addToGrpcServer(server: grpc.Server, wire: Wire): void {
  const { mount } = wire;
  const handlers = Object.values(mount.methods).map((spec) => [
    spec.method.localName,
    spec.kind === "unary" ? unaryHandler(spec, wire) : streamHandler(spec, wire),
  ]);
  server.addService(serviceDefinition(mount.service), Object.fromEntries(handlers));
}

function unaryHandler(spec: UnarySpec, wire: Wire) {
  return (call: UnaryCall, reply: Reply): void => {
    const context = contextOf(call, spec.method, wire);
    answer(call.request, context, spec, wire)
      .then(
        (bytes) => {
          sendHeader(call, context);
          reply(null, bytes, toMetadata(context.responseTrailer));
        },
        (error: unknown) => reply(failureOf(error, call, context)),
      )
      .catch((err: unknown) => wire.log.error({ err }, "rpc answer lost"))
      .finally(context.finish);
  };
}

async function answer(
  bytes: Uint8Array,
  context: Context,
  spec: UnarySpec,
  { interceptors, limits }: Wire,
): Promise<Uint8Array> {
  const request = decodeRequest(spec.method.input, bytes);
  const response = await invokeUnaryImplementation(spec, context, request, interceptors);
  return encode(spec.method.output, response, limits.messageBytes);
}

function streamHandler(spec: MethodImplSpec, wire: Wire) {
  return (call: StreamCall): void => {
    const context = contextOf(call, spec.method, wire);
    converse(call, context, spec, wire)
      .then(
        () => call.end(toMetadata(context.responseTrailer)),
        (error: unknown) => call.emit("error", failureOf(error, call, context)),
      )
      .catch((err: unknown) => wire.log.error({ err }, "rpc answer lost"))
      .finally(context.finish);
  };
}

async function converse(
  call: StreamCall,
  context: Context,
  spec: MethodImplSpec,
  { interceptors, limits }: Wire,
): Promise<void> {
  const { input, output } = spec.method;
  const decode = (bytes: Uint8Array): Message => decodeRequest(input, bytes);
  const requests = messagesOf(call, context.signal, decode);
  const responses = await invokeStream(spec, context, { interceptors, requests });
  let isFirst = true;
  await sendEach(pullable(responses), (response) => {
    if (isFirst) sendHeader(call, context);
    isFirst = false;
    const bytes = encode(output, response, limits.messageBytes);
    const isRoom = writeMessage(call, bytes, context.signal);
    return isRoom ? undefined : drained(call, context.signal);
  });
  if (isFirst) sendHeader(call, context);
}

function failureOf(error: unknown, call: UnaryCall | StreamCall, context: Context) {
  sendHeader(call, context);
  return statusOf(ConnectError.from(error), context.responseTrailer);
}

/** Only the first call has an effect; without a header grpc-js sends its own in time. */
function sendHeader(call: UnaryCall | StreamCall, { responseHeader }: Context): void {
  const metadata = toMetadata(responseHeader);
  if (Object.keys(metadata.getMap()).length > 0) call.sendMetadata(metadata);
}
