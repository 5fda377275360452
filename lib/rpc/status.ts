import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Metadata, StatusObject } from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { unavailable } from "../errors.ts";
import { DETAILS_BYTES_MAX, MESSAGE_CHARS_MAX } from "./limits.ts";
import { applicationHeaders, toHeaders, toMetadata } from "./metadata.ts";

/** Where gRPC carries a google.rpc.Status with the details of an error. */
const DETAILS_KEY = "grpc-status-details-bin";

/** An error as a gRPC status: code, message, trailers, details. The codes have the same numbers. */
export function statusOf(error: ConnectError, trailer = new Headers()): StatusObject {
  const message = sendable(error.rawMessage);
  const metadata = toMetadata(trailer);
  metadata.merge(toMetadata(error.metadata));
  const details = packedDetails(error, message);
  if (details) metadata.set(DETAILS_KEY, details);
  return { code: error.code as number, details: message, metadata };
}

/** The error that a failed gRPC status stands for; its details are found by `findDetails`. */
export function errorFrom(status: StatusObject): ConnectError {
  if (wasCutOff(status)) return unavailable("CUT_OFF", "the connection broke before the answer");
  const code = status.code in Code ? (status.code as number as Code) : Code.Unknown;
  const headers = applicationHeaders(toHeaders(status.metadata));
  const error = new ConnectError(status.details, code, headers);
  error.details = detailsIn(status.metadata);
  return error;
}

/**
 * Whether the stream ended without a status. grpc-js calls that INTERNAL when the stream closes
 * before its connection does, though nothing but the connection has failed.
 */
const wasCutOff = ({ code, details }: StatusObject): boolean =>
  code === (Code.Internal as number) && details.startsWith("Received RST_STREAM with code 0");

/** What grpc-js can send: it throws on half a surrogate pair, and a header has its limit. */
const sendable = (message: string) =>
  message.slice(0, MESSAGE_CHARS_MAX).replace(/\p{Surrogate}/gu, "\ufffd");

/** Undefined when there are none, or more than fits into the trailers. */
function packedDetails({ code, details }: ConnectError, message: string): Buffer | undefined {
  if (details.length === 0) return undefined;
  const status = create(StatusSchema, { code, message, details: details.map(packed) });
  const bytes = toBinary(StatusSchema, status);
  return bytes.length > DETAILS_BYTES_MAX ? undefined : Buffer.from(bytes);
}

const packed = (
  detail: ConnectError["details"][number],
): Any | { typeUrl: string; value: Uint8Array } =>
  "desc" in detail
    ? anyPack(detail.desc, create(detail.desc, detail.value))
    : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value };

function detailsIn(metadata: Metadata): ConnectError["details"] {
  const [bytes] = metadata.get(DETAILS_KEY);
  if (!(bytes instanceof Uint8Array)) return [];
  try {
    return fromBinary(StatusSchema, bytes).details.map(({ typeUrl, value }) => ({
      type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
      value,
    }));
  } catch {
    // Written by a foreign server that does not keep to google.rpc: code and message still count.
    return [];
  }
}
