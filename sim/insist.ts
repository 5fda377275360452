import { Code, ConnectError } from "@connectrpc/connect";
import type { Clock } from "../lib/clock.ts";
import type { Trace } from "./trace.ts";

/** A caller who repeats every call until there is an answer. */
export interface Insistence {
  /** Resolves with the answer; rejects with one that no repetition changes. */
  insist<T>(what: string, call: () => Promise<T>): Promise<T>;
  /** How many calls have not been answered for good. */
  pendingCount(): number;
}

/** How long a user waits before they try again. */
export const RETRY_MS = 300;

/** Answers after which the same call is made again. */
const RETRIED = [Code.Unavailable, Code.DeadlineExceeded, Code.Canceled, Code.Aborted];

export function createInsistence(clock: Clock, trace: Trace): Insistence {
  let pending = 0;

  async function insist<T>(what: string, call: () => Promise<T>): Promise<T> {
    pending++;
    try {
      for (;;) {
        try {
          const answer = await call();
          trace.note("user", `${what}: done`);
          return answer;
        } catch (error) {
          const { code, message } = ConnectError.from(error);
          trace.note("user", `${what}: ${message}`);
          if (!RETRIED.includes(code)) throw error;
          await clock.sleep(RETRY_MS);
        }
      }
    } finally {
      pending--;
    }
  }

  return { insist, pendingCount: () => pending };
}
