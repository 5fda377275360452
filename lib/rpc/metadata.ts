import { decodeBinaryHeader, encodeBinaryHeader } from "@connectrpc/connect";
import { Metadata } from "@grpc/grpc-js";

/** Names that belong to HTTP/2 and to gRPC itself; a handler or a caller cannot speak for them. */
const RESERVED = new Set([
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "date",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

/** Whether metadata of this name is the application's. */
const isApplications = (name: string) => !RESERVED.has(name) && !name.startsWith("grpc-");

/** gRPC metadata is printable ASCII; what is not goes under a name that ends in `-bin`. */
const printable = (value: string) => value.replace(/[^ -~]/g, "?");

/** Connect's headers as gRPC metadata. Reserved names are left out. */
export function toMetadata(headers: Headers): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of headers) {
    if (!isApplications(name)) continue;
    if (!name.endsWith("-bin")) metadata.add(name, printable(value));
    else for (const part of value.split(",")) metadata.add(name, bytesOf(part.trim()));
  }
  return metadata;
}

/** gRPC metadata as Connect's headers; binary values are base64, as Connect has them. */
export function toHeaders(metadata: Metadata, into = new Headers()): Headers {
  for (const name of Object.keys(metadata.getMap())) {
    if (name.includes(":")) continue;
    for (const value of metadata.get(name)) {
      into.append(name, typeof value === "string" ? value : encodeBinaryHeader(value));
    }
  }
  return into;
}

/** The part of `headers` that the application may pass on. */
export const applicationHeaders = (headers: Headers): Headers =>
  new Headers([...headers].filter(([name]) => isApplications(name)));

const bytesOf = (base64: string) => Buffer.from(decodeBinaryHeader(base64));
