import type { Clock } from "../clock.ts";
import { type CheckResult, errorText, failed, unasked } from "./check-result.ts";

type Options = Readonly<{ clock: Clock; timeoutMs: number; signal: AbortSignal }>;

/** How long a check that was cut short may take to say what it knows. */
const FAREWELL_MS = 500;

/** By how much a check may outlast all its limits before the asker itself is what was slow. */
const STALL_MS = 1_500;

/**
 * Asks, and gives up after `timeoutMs` or when `signal` aborts. `ask` may never settle. A failure
 * that was noticed far too late is none: the process stood still and could not hear the answer.
 */
export async function timedCheck(
  ask: (signal: AbortSignal) => Promise<CheckResult>,
  { clock, timeoutMs, signal }: Options,
): Promise<CheckResult> {
  const beginMs = clock.monotonic();
  const cut = new AbortController();
  const over = new AbortController();
  const disarm = clock.after(timeoutMs, () => cut.abort(OVERDUE));
  const cancel = () => {
    cut.abort(CANCELLED);
    over.abort(CANCELLED);
  };
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  const silence = clock.sleep(timeoutMs + FAREWELL_MS, over.signal).then(() => noAnswer(timeoutMs));
  try {
    const result = await Promise.race([settled(ask, cut.signal), silence]);
    const tookMs = clock.monotonic() - beginMs;
    const isStalled = result.kind === "failed" && tookMs > timeoutMs + FAREWELL_MS + STALL_MS;
    return isStalled ? unasked(`the asker stood still for ${Math.round(tookMs)} ms`) : result;
  } finally {
    disarm();
    over.abort(CANCELLED);
    signal.removeEventListener("abort", cancel);
  }
}

/** Given to `abort`, which makes an error with a stack for each call that has no reason. */
const OVERDUE = "overdue";
const CANCELLED = "cancelled";

/** A check that throws has a bug, or says in its own way that there was no answer. */
async function settled(
  ask: (signal: AbortSignal) => Promise<CheckResult>,
  signal: AbortSignal,
): Promise<CheckResult> {
  try {
    return await ask(signal);
  } catch (error) {
    return failed(errorText(error, signal));
  }
}

/** What is said of a check that took too long. */
const noAnswer = (timeoutMs: number): CheckResult =>
  failed(`no answer within ${timeoutMs / 1_000} s`);
