import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Attempt, keyText, stateOf } from "./attempt.ts";
import { effortOf } from "./attempt-deadline.ts";
import { isNews } from "./reports.ts";

type Deps = Readonly<{
  clock: Clock;
  /** Called at once for every change that others have to hear of, in order. */
  onNews: (attempt: Attempt) => void;
}>;

type Changes = Partial<Omit<Attempt, "observeTimeMs" | "effortMs">>;

/** Holds the latest value of one attempt. A class because there are so many. */
export class AttemptCell {
  private readonly deps: Deps;
  private attempt: Attempt;

  constructor(deps: Deps, first: Attempt) {
    this.deps = deps;
    this.attempt = first;
  }

  read(): Attempt {
    return this.attempt;
  }

  /** Replaces parts of the value. Asserts that the state goes forward. */
  change(changes: Changes): void {
    const { clock, onNews } = this.deps;
    const before = this.attempt;
    const { stage = before.stage } = changes;
    const [from, to] = [stateOf(before.stage), stateOf(stage)];
    assert(to >= from, `attempt ${keyText(before.key)} moved back from ${from} to ${to}`);
    const isSameEffort = effortOf(before.stage) === effortOf(stage);
    const after = {
      ...before,
      ...changes,
      observeTimeMs: to > from ? clock.now() : before.observeTimeMs,
      effortMs: isSameEffort ? before.effortMs : clock.monotonic(),
    };
    this.attempt = after;
    if (isNews(before, after)) onNews(after);
  }
}
