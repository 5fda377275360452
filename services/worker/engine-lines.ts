import { isJson, type Json } from "./engine-json.ts";

/** A line of a stream of JSON lines. */
export type EngineLine =
  | Readonly<{ kind: "message"; message: Json }>
  /** A line that is no JSON object, or is longer than allowed. The start of it, for the log. */
  | Readonly<{ kind: "garbage"; start: string }>;

/** The longest line that is read, in bytes. The engine's own are a few hundred. */
const LINE_BYTES_MAX = 1024 * 1024;

/** How much of a bad line is kept for the log, in characters. */
const GARBAGE_LENGTH_MAX = 200;

const NEWLINE = 0x0a;

/**
 * Cuts a stream of JSON lines, however it is chunked. Never throws: what cannot be
 * read comes out as garbage. Holds at most one line.
 */
export function createLineReader(
  lineBytesMax = LINE_BYTES_MAX,
): (chunk: Uint8Array) => EngineLine[] {
  let parts: Uint8Array[] = [];
  let byteCount = 0;

  function keep(part: Uint8Array): void {
    if (byteCount <= lineBytesMax && part.length > 0) parts.push(part);
    byteCount += part.length;
  }

  function takeLine(): EngineLine[] {
    const text = Buffer.concat(parts).toString("utf8").trim();
    const isWhole = byteCount <= lineBytesMax;
    parts = [];
    byteCount = 0;
    return text === "" ? [] : [isWhole ? readLine(text) : garbage(text)];
  }

  return (chunk) => {
    const lines: EngineLine[] = [];
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      keep(chunk.subarray(start, end));
      lines.push(...takeLine());
      start = end + 1;
    }
    keep(chunk.subarray(start));
    return lines;
  };
}

function readLine(text: string): EngineLine {
  try {
    const message: unknown = JSON.parse(text);
    return isJson(message) ? { kind: "message", message } : garbage(text);
  } catch {
    return garbage(text);
  }
}

const garbage = (text: string): EngineLine => ({
  kind: "garbage",
  start: text.slice(0, GARBAGE_LENGTH_MAX),
});
