import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Attempt, keyText, stateOf } from "./attempt.ts";
import { effortOf } from "./attempt-deadline.ts";
import { isNews } from "./reports.ts";

/** Holds the latest value of one attempt. */
export interface AttemptCell {
  read(): Attempt;
  /** Replaces parts of the value. Asserts that the state goes forward. */
  change(changes: Partial<Attempt>): void;
}

type Deps = Readonly<{
  clock: Clock;
  /** Called at once for every change that others have to hear of, in order. */
  onNews: (attempt: Attempt) => void;
}>;

export function createAttemptCell({ clock, onNews }: Deps, first: Attempt): AttemptCell {
  let attempt = first;
  return {
    read: () => attempt,
    change(changes) {
      const before = attempt;
      const after = { ...before, ...changes };
      const [from, to] = [stateOf(before.stage), stateOf(after.stage)];
      assert(to >= from, `attempt ${keyText(first.key)} moved back from ${from} to ${to}`);
      const observeTimeMs = to > from ? clock.now() : after.observeTimeMs;
      const isSameEffort = effortOf(before.stage) === effortOf(after.stage);
      const effortMs = isSameEffort ? after.effortMs : clock.monotonic();
      attempt = { ...after, observeTimeMs, effortMs };
      if (isNews(before, attempt)) onNews(attempt);
    },
  };
}
