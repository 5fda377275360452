import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { exhausted, invalidFields } from "../errors.ts";
import { decodeMessage, encodeMessage } from "../message/codec.ts";

/**
 * A message as bytes. Throws RESOURCE_EXHAUSTED when it is larger than `limitBytes`: the
 * receiver would refuse it, and less clearly.
 */
export function encode<T extends DescMessage>(
  schema: T,
  message: MessageInitShape<T>,
  limitBytes: number,
): Buffer {
  const bytes = encodeMessage(schema, message);
  if (bytes.length > limitBytes) {
    throw exhausted(
      "MESSAGE_TOO_LARGE",
      `${schema.typeName} of ${bytes.length} bytes is over the limit of ${limitBytes} bytes: send less at once`,
    );
  }
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A request from bytes. Throws INVALID_ARGUMENT when they are not one. */
export function decodeRequest<T extends DescMessage>(
  schema: T,
  bytes: Uint8Array,
): MessageShape<T> {
  try {
    return decodeMessage(schema, bytes);
  } catch (error) {
    throw invalidFields([
      { field: schema.typeName, description: `cannot be decoded: ${String(error)}` },
    ]);
  }
}
