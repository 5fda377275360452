import type { DescMethod, DescService } from "@bufbuild/protobuf";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";

/** grpc-js carries bytes; encoding, limits and what goes wrong with them are ours. */
export const asIs = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

/** A service in the vocabulary of grpc-js. */
export const serviceDefinition = (service: DescService): ServiceDefinition =>
  Object.fromEntries(service.methods.map((method) => [method.localName, definitionOf(method)]));

/** Every kind of stream is served as a bidirectional one: on the wire they are the same. */
function definitionOf(method: DescMethod): MethodDefinition<Uint8Array, Uint8Array> {
  const streams = method.methodKind !== "unary";
  return {
    path: pathOf(method),
    requestStream: streams,
    responseStream: streams,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  };
}
