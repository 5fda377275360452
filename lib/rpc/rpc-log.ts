import {
  Code,
  ConnectError,
  type Interceptor,
  type StreamRequest,
  type UnaryRequest,
} from "@connectrpc/connect";
import { status } from "@grpc/grpc-js";
import type { Clock } from "../clock.ts";
import { cancelled, internal, reasonOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { type Random, randomWord } from "../random.ts";
import { orAborted, untilAborted } from "./abortable.ts";
import type { CallMeter } from "./call-meter.ts";
import { beginCall, type CallSpans } from "./call-span.ts";
import { REQUEST_ID, setCallTags, tagFields } from "./call-tags.ts";
import { applicationHeaders } from "./metadata.ts";
import { peerOf } from "./peer.ts";

type Deps = CallSpans &
  Readonly<{ clock: Clock; log: Log; random: Random; meter?: CallMeter | undefined }>;
type Request = UnaryRequest | StreamRequest;

/** One call in the log: it is finished once, whoever says so first. */
type Entry = Readonly<{
  succeed(): void;
  fail(error: unknown): ConnectError;
  leave(): void;
  /** Tells the caller what it is called here. */
  name(header: Headers): void;
}>;

/** Characters of an incident's name: 50 bits, so that a log of years holds each once. */
const INCIDENT_CHARS = 10;

/**
 * The outermost interceptor of a server, on both wires. It ends a call when its signal
 * aborts, whether or not the handler heeds it; it logs every call once, and traces it; and every
 * failure leaves it as a ConnectError that is fit for the caller.
 */
export function createRpcLog(deps: Deps): Interceptor {
  return (next) => async (request) => {
    const entry = entryOf(request, deps);
    const onLate = (err: unknown) => deps.log.debug({ err }, "handler failed after the call's end");
    try {
      const response = await orAborted(next(request), request.signal, onLate);
      entry.name(response.header);
      if (response.stream) {
        const message = untilAborted(response.message, request.signal, onLate, entry);
        return { ...response, message };
      }
      entry.succeed();
      return response;
    } catch (error) {
      throw entry.fail(error);
    }
  };
}

function entryOf(request: Request, deps: Deps): Entry {
  const { clock, log, random, meter } = deps;
  const { method, service, contextValues } = request;
  const start = clock.monotonic();
  meter?.begin(method);
  const { tags, span } = beginCall(request, deps);
  setCallTags(contextValues, tags);
  const { requestId } = tags;
  let finished = false;

  function write(code: number, particulars: object): void {
    if (finished) return;
    finished = true;
    const exactMs = clock.monotonic() - start;
    meter?.end(method, code, exactMs);
    span?.end(code);
    const durationMs = Math.round(exactMs);
    const fields = { method: `${service.typeName}/${method.name}`, code: status[code] };
    const peer = peerOf(contextValues);
    const line = { ...fields, durationMs, peer, ...tagFields(tags), ...particulars };
    if (isAlarming(code)) log.warn(line, "rpc failed");
    else log.debug(line, "rpc finished");
  }

  function fail(reason: unknown): ConnectError {
    if (reason instanceof ConnectError) {
      const err = isAlarming(reason.code) ? { err: reason } : {};
      write(reason.code, { reason: reasonOf(reason), ...err });
      return forCaller(reason, requestId);
    }
    if (request.signal.aborted) {
      const left = cancelled("the caller left");
      write(left.code, {});
      return left;
    }
    const incident = randomWord(random, INCIDENT_CHARS);
    write(status.INTERNAL, { incident, err: reason });
    return forCaller(internal(incident, reason), requestId);
  }

  return {
    succeed: () => write(status.OK, {}),
    fail,
    leave: () => void fail(cancelled("the caller left")),
    name: (header) => {
      if (requestId !== undefined) header.set(REQUEST_ID, requestId);
    },
  };
}

/** Codes that a handler never means to answer with. */
const isAlarming = (code: number) =>
  code === Code.Internal || code === Code.Unknown || code === Code.DataLoss;

/**
 * An error that came from another server still carries that answer's own headers. An error may be
 * shared by calls: it is named for this one in a copy.
 */
function forCaller(error: ConnectError, requestId: string | undefined): ConnectError {
  const { rawMessage, code, metadata, cause } = error;
  if (requestId === undefined && [...metadata].length === 0) return error;
  const headers = applicationHeaders(metadata);
  if (requestId !== undefined) headers.set(REQUEST_ID, requestId);
  const clean = new ConnectError(rawMessage, code, headers, undefined, cause);
  clean.details = error.details;
  return clean;
}
