import { setMaxListeners } from "node:events";
import type { DescMessage, DescMethod, MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { StatusObject } from "@grpc/grpc-js";
import { status as grpcStatus, Metadata } from "@grpc/grpc-js";
import { systemClock } from "../clock.ts";
import { decodeMessage } from "../message/codec.ts";
import type { Connection, Link } from "./connection.ts";
import { toHeaders, toMetadata } from "./metadata.ts";
import { errorFrom } from "./status.ts";

/** What both kinds of grpc-js calls have in common. */
type Call = {
  cancel(): void;
  once(event: "metadata", listener: (metadata: Metadata) => void): unknown;
  once(event: "status", listener: (status: StatusObject) => void): unknown;
};

export type CallOptions = Readonly<{
  signal: AbortSignal | undefined;
  timeoutMs: number | undefined;
  header: HeadersInit | undefined;
}>;

type Surroundings = Readonly<{
  link: Link;
  connection: Connection;
  signal: AbortSignal | undefined;
}>;

/** A call under way. */
export interface CallState {
  readonly header: Headers;
  /** Filled when the call ends. */
  readonly trailer: Headers;
  /** Resolves with the header, or with the end if that comes first. Never rejects. */
  readonly answered: Promise<void>;
  /** Resolves when the call is over, with its error if it failed. Never rejects. */
  readonly ended: Promise<ConnectError | undefined>;
}

/**
 * Follows a call to its end: watches the connection until there is an answer, cancels the
 * call when `signal` aborts, and removes every listener afterwards.
 */
export function follow(call: Call, { link, connection, signal }: Surroundings): CallState {
  const header = new Headers();
  const trailer = new Headers();
  const cancel = () => call.cancel();
  const unwatch = connection.watch(link);
  // Any number of calls may hang on one signal. Node would take more than ten for a leak.
  if (signal) setMaxListeners(0, signal);
  signal?.addEventListener("abort", cancel, { once: true });
  if (signal?.aborted) cancel();

  const ended = new Promise<ConnectError | undefined>((resolve) => {
    call.once("status", (status) => {
      unwatch();
      signal?.removeEventListener("abort", cancel);
      toHeaders(status.metadata, trailer);
      resolve(errorOf(status, link, signal));
    });
  });
  const answered = new Promise<void>((resolve) => {
    call.once("metadata", (metadata) => {
      unwatch();
      toHeaders(metadata, header);
      resolve();
    });
    void ended.then(() => resolve());
  });
  return { header, trailer, answered, ended };
}

function errorOf(
  status: StatusObject,
  link: Link,
  signal: AbortSignal | undefined,
): ConnectError | undefined {
  if (status.code === grpcStatus.OK) return undefined;
  if (status.code === grpcStatus.CANCELLED && signal?.aborted) return abortError(signal);
  if (status.code === grpcStatus.UNAVAILABLE && link.gaveUp) return ConnectError.from(link.gaveUp);
  return errorFrom(status);
}

/** Why a signal aborted, as a caller sees it: its own ConnectError, or CANCELED. */
export const abortError = (signal: AbortSignal): ConnectError =>
  ConnectError.from(signal.reason, Code.Canceled);

/** grpc-js keeps deadlines by the wall clock, whatever clock its user has. */
export const deadlineIn = (timeoutMs: number | undefined): { deadline?: number } =>
  timeoutMs === undefined || timeoutMs <= 0 ? {} : { deadline: systemClock.now() + timeoutMs };

export const requestMetadata = (header: HeadersInit | undefined): Metadata =>
  header === undefined ? new Metadata() : toMetadata(new Headers(header));

/** The parts of a Connect response that describe the call. */
export const describe = <M extends DescMethod>(method: M, { header, trailer }: CallState) => ({
  service: method.parent,
  method,
  header,
  trailer,
});

/** Throws INTERNAL when the server sent what is not a message. */
export function decodeResponse<T extends DescMessage>(
  schema: T,
  bytes: Uint8Array,
): MessageShape<T> {
  try {
    return decodeMessage(schema, bytes);
  } catch (error) {
    throw ConnectError.from(error, Code.Internal);
  }
}
