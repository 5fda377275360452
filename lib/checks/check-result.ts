/**
 * What became of one check of something that runs elsewhere. `unasked`: the question did not get
 * there, for reasons that are not the other side's.
 */
export type CheckResult =
  | Readonly<{ kind: "passed" }>
  | Readonly<{ kind: "failed"; message: string }>
  | Readonly<{ kind: "unasked"; message: string }>;

export const passed: CheckResult = { kind: "passed" };

export const failed = (message: string): CheckResult => ({ kind: "failed", message });

export const unasked = (message: string): CheckResult => ({ kind: "unasked", message });

/** What other sides say is shown this far. */
const WORDS_MAX = 200;

/** The beginning of what the other side said, on one line and without control characters. */
export function wordsOf(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  return line.length <= WORDS_MAX ? line : `${line.slice(0, WORDS_MAX)}...`;
}

/** Why a connection failed: the same words every time for the same trouble. */
export function errorText(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "no answer in time";
  const { message } = Object(error) as Readonly<{ message?: unknown }>;
  return wordsOf(String(message || error));
}
