import { jsonAt, textAt } from "./engine-json.ts";
import { createLineReader, type EngineLine } from "./engine-lines.ts";

/** What a piece of the engine's answer to a pull says. */
export type PullNews =
  | Readonly<{ kind: "progress" }>
  /** The pull has failed, although the answer began with 200. */
  | Readonly<{ kind: "failed"; words: string }>
  | Readonly<{ kind: "garbage"; start: string }>;

/** Reads the engine's answer to a pull, however it is chunked. Never throws. */
export function createPullProgress(): (chunk: Uint8Array) => PullNews[] {
  const readLines = createLineReader();
  return (chunk) => readLines(chunk).map(newsOf);
}

function newsOf(line: EngineLine): PullNews {
  if (line.kind === "garbage") return line;
  const words = textAt(jsonAt(line.message, "errorDetail"), "message");
  const failure = words || textAt(line.message, "error");
  return failure ? { kind: "failed", words: failure } : { kind: "progress" };
}
