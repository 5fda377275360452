import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type LogEntry, LogEntrySchema, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { parseEngineTime } from "./engine-time.ts";
import { RuntimeError } from "./runtime.ts";

/** Takes apart what the engine sends of a container's logs, chunk by chunk. */
export interface LogFrames {
  /** The entries that this chunk completes. Throws a `RuntimeError` when the stream makes no sense. */
  push(chunk: Uint8Array): LogEntry[];
  /** What was begun when the stream ended. */
  end(): LogEntry[];
}

/** The most bytes in one entry, by the contract. Longer frames are cut. */
export const ENTRY_BYTES_MAX = 16 * 1024;

/** A frame begins with its stream, three zeros and the length of its payload, big-endian. */
const HEADER_BYTES = 8;

/** The longest time that Go writes, with the space after it, is 36 bytes. */
const STAMP_BYTES_MAX = 40;

const SPACE = 0x20;

/** What the first byte of a frame means (moby, pkg/stdcopy). */
const STREAMS: readonly (LogStream | undefined)[] = [
  LogStream.STDOUT,
  LogStream.STDOUT,
  LogStream.STDERR,
];

/** The engine's own word about its trouble with the log. */
const SYSTEM_ERROR = 3;

type Frame = {
  readonly stream: LogStream | "system-error";
  time: Timestamp | undefined;
  /** Whether the time was looked for, so that what follows is the process's own. */
  stamped: boolean;
  /** Bytes of the payload that were not taken yet. */
  missing: number;
};

/**
 * Reads the engine's log frames, each payload with a time before it, however they are
 * chunked. Works in a loop, not by recursion, and holds no more than one entry between
 * chunks: what a container writes can exhaust neither the stack nor the memory, whatever
 * length a header claims.
 */
export function createLogFrames(): LogFrames {
  let bytes: Buffer = Buffer.alloc(0);
  let frame: Frame | undefined;

  function take(count: number): Buffer {
    const taken = bytes.subarray(0, count);
    bytes = bytes.subarray(count);
    return taken;
  }

  /** Each step returns false when it needs more bytes than there are. */
  function step(entries: LogEntry[]): boolean {
    if (!frame) return stepHeader();
    return frame.stamped ? stepPayload(frame, entries) : stepStamp(frame);
  }

  function stepHeader(): boolean {
    if (bytes.length < HEADER_BYTES) return false;
    frame = readHeader(take(HEADER_BYTES));
    return true;
  }

  function stepStamp(current: Frame): boolean {
    const window = bytes.subarray(0, Math.min(current.missing, STAMP_BYTES_MAX));
    const end = window.indexOf(SPACE);
    if (end < 0 && bytes.length < Math.min(current.missing, STAMP_BYTES_MAX)) return false;
    current.time = end < 0 ? undefined : parseEngineTime(window.toString("latin1", 0, end));
    if (current.time) current.missing -= take(end + 1).length;
    current.stamped = true;
    return true;
  }

  function stepPayload(current: Frame, entries: LogEntry[]): boolean {
    const size = Math.min(current.missing, ENTRY_BYTES_MAX);
    if (bytes.length < size) return false;
    if (size > 0) entries.push(toEntry(current, take(size)));
    current.missing -= size;
    if (current.missing === 0) frame = undefined;
    return true;
  }

  return {
    push(chunk) {
      bytes = bytes.length === 0 ? Buffer.from(chunk) : Buffer.concat([bytes, chunk]);
      const entries: LogEntry[] = [];
      while (step(entries));
      return entries;
    },
    end: () => (frame?.stamped && bytes.length > 0 ? [toEntry(frame, take(bytes.length))] : []),
  };
}

function readHeader(header: Buffer): Frame {
  const kind = header.readUInt8(0);
  const isPadded = header.readUIntBE(1, 3) === 0;
  const stream = kind === SYSTEM_ERROR ? "system-error" : STREAMS[kind];
  if (!isPadded || stream === undefined) {
    throw new RuntimeError(
      "engine-unavailable",
      `read logs: ${header.toString("hex")} is no header of a log frame`,
    );
  }
  const stamped = stream === "system-error";
  return { stream, time: undefined, stamped, missing: header.readUInt32BE(4) };
}

/** Copies the data, so that a small entry does not keep a large chunk alive. */
function toEntry({ stream, time }: Frame, data: Buffer): LogEntry {
  if (stream === "system-error") {
    throw new RuntimeError("engine-unavailable", `read logs: ${data.toString("utf8").trim()}`);
  }
  return create(LogEntrySchema, { stream, data: new Uint8Array(data), ...(time && { time }) });
}
