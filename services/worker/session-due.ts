import type { Clock } from "../../lib/clock.ts";

/** Notices that an answer is overdue. */
export interface Due {
  /** Something was sent that wants an answer. */
  expect(): void;
  stop(): void;
}

type Options = Readonly<{
  clock: Pick<Clock, "after" | "monotonic">;
  /** How long an answer may take. */
  limitMs: () => number;
  /** When the oldest word without an answer was sent. Undefined: all have one. */
  oldestMs: () => number | undefined;
  onOverdue: (limitMs: number) => void;
}>;

/** One timer at most, and none while nothing is awaited. */
export function createDue({ clock, limitMs, oldestMs, onOverdue }: Options): Due {
  let disarm: (() => void) | undefined;

  function look(): void {
    disarm = undefined;
    const sentMs = oldestMs();
    if (sentMs === undefined) return;
    const waitMs = limitMs();
    const leftMs = sentMs + waitMs - clock.monotonic();
    if (leftMs > 0) disarm = clock.after(leftMs, look);
    else onOverdue(waitMs);
  }

  return {
    expect() {
      if (!disarm) look();
    },
    stop: () => disarm?.(),
  };
}
