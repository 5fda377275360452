import type { Post, PostResult } from "./otlp-exporter.ts";

/** Where spans go, and what goes with them. Headers may hold a token. */
export type OtlpPlace = Readonly<{ url: string; headers: Readonly<Record<string, string>> }>;

/** Answers that OTLP has repeated. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Sends to a collector by HTTP. */
export function createOtlpPost({ url, headers }: OtlpPlace): Post {
  return async (body, signal) => {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body,
        signal,
      });
      // What it says is of no use, and its connection is free only once that was read.
      await response.arrayBuffer();
      return resultOf(response);
    } catch (error) {
      return { kind: "unavailable", why: whyNot(error, signal) };
    }
  };
}

function resultOf({ ok, status }: Response): PostResult {
  if (ok) return { kind: "accepted" };
  const kind = RETRYABLE.has(status) ? "unavailable" : "refused";
  return { kind, why: `the collector answered with status ${status}` };
}

/** Of an error of `fetch` the cause says it, and neither names the headers. */
function whyNot(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "the collector did not answer in time";
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return `the collector was not reached: ${cause instanceof Error ? cause.message : String(cause)}`;
}
