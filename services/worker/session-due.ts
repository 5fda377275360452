import type { Clock } from "../../lib/clock.ts";

/** Notices that an answer is overdue. */
export interface Due {
  /** Something was sent that wants an answer. */
  expect(): void;
  stop(): void;
}

type Options = Readonly<{
  clock: Pick<Clock, "after" | "monotonic" | "turn">;
  /** How long an answer may take. */
  limitMs: () => number;
  /** When the oldest word without an answer was sent. Undefined: all have one. */
  oldestMs: () => number | undefined;
  onOverdue: (limitMs: number) => void;
}>;

/** How late a timer may be before it is this process that was away: the answer went by meanwhile. */
const STALL_MS_MIN = 500;

/** How much of the limit is given once more after that. */
const GRACE_SHARE = 0.25;

/** Turns of the event loop for what waits in the sockets: timers run before it is read. */
const DRAIN_TURNS = 3;

/** One timer at most, and none while nothing is awaited. */
export function createDue({ clock, limitMs, oldestMs, onOverdue }: Options): Due {
  let disarm: (() => void) | undefined;
  let isStopped = false;

  function arm(delayMs: number): void {
    const dueMs = clock.monotonic() + delayMs;
    disarm = clock.after(delayMs, () => look(clock.monotonic() - dueMs));
  }

  function look(lateMs: number): void {
    disarm = undefined;
    const sentMs = oldestMs();
    if (sentMs === undefined) return;
    const waitMs = limitMs();
    const leftMs = sentMs + waitMs - clock.monotonic();
    if (leftMs > 0) arm(leftMs);
    else if (lateMs >= STALL_MS_MIN) arm(waitMs * GRACE_SHARE);
    else void giveUp(sentMs, waitMs);
  }

  async function giveUp(sentMs: number, waitMs: number): Promise<void> {
    for (let i = 0; i < DRAIN_TURNS; i++) await clock.turn();
    if (isStopped) return;
    if (oldestMs() === sentMs) onOverdue(waitMs);
    else if (!disarm) look(0);
  }

  return {
    expect() {
      if (!disarm) look(0);
    },
    stop() {
      isStopped = true;
      disarm?.();
    },
  };
}
