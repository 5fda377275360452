import { ConnectError } from "@connectrpc/connect";
import { systemClock } from "../../lib/clock.ts";

/** What came of a call; undefined when it failed in a way that trying again may mend. */
async function attempt<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (!["unavailable", "deadline_exceeded"].includes(nameOf(error))) throw error;
    return undefined;
  }
}

const nameOf = (error: unknown) => /\[(\w+)\]/.exec(ConnectError.from(error).message)?.[1] ?? "";

/** Calls until it is answered, as a client does. */
export async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    const answer = await attempt(call);
    if (answer !== undefined) return answer;
    await systemClock.sleep(50);
  }
}
