import type { ServerResponse } from "node:http";
import { applicationHeaders } from "../rpc/metadata.ts";
import { type Failure, failureOf, RefusedError } from "./failure.ts";

/** What every answer carries: it is of the moment, and what its type says. */
const HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" };

type Headers = Readonly<Record<string, string>>;

/** An answer in one piece. */
export type Reply = Readonly<{ status: number; type: string; text: string; headers?: Headers }>;

export function sendReply(response: ServerResponse, { status, type, text, headers }: Reply): void {
  const body = Buffer.from(text);
  const size = status === 204 ? {} : { "content-type": type, "content-length": body.length };
  response.writeHead(status, { ...HEADERS, ...size, ...headers }).end(body);
}

/** Begins an answer in pieces, at once. */
export function beginReply(response: ServerResponse, type: string, headers: Headers): void {
  response.writeHead(200, { ...HEADERS, "content-type": type, ...headers });
  response.flushHeaders();
}

export const jsonReply = (status: number, json: unknown, headers: Headers = {}): Reply => ({
  status,
  type: "application/json",
  text: `${JSON.stringify(json)}\n`,
  headers,
});

/** An error as an answer, whatever it was. */
export function failureReply(error: unknown): Reply {
  const failure = failureOf(error);
  return jsonReply(failure.status, failure, { ...headersOf(error), ...retryHeader(failure) });
}

function headersOf(error: unknown): Headers {
  if (error instanceof RefusedError) return error.headers;
  const { metadata } = error as { metadata?: unknown };
  return metadata instanceof Headers ? plain(metadata) : {};
}

const retryHeader = ({ retryAfterMs }: Failure): Headers =>
  retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) };

/** What a handler said beside its answer. */
export const plain = (headers: globalThis.Headers): Headers =>
  Object.fromEntries(applicationHeaders(headers));
