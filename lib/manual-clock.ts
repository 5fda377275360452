import { type Clock, sleepBy, systemClock } from "./clock.ts";

/** A clock that stands still until it is told to move. For tests and simulations. */
export interface ManualClock extends Clock {
  /** Moves time on by `ms`, waking sleepers in the order of their due times. */
  advance(ms: number): Promise<void>;
  /** How many sleepers wait. */
  readonly sleeperCount: number;
}

type Sleeper = Readonly<{ due: number; wake: () => void }>;

/** How many event-loop turns a woken sleeper gets to do its work before time moves on. */
const TURNS_PER_STEP = 5;

export function createManualClock(startMs = Date.UTC(2026, 0, 1)): ManualClock {
  let elapsed = 0;
  const sleepers = new Set<Sleeper>();

  const settle = async () => {
    for (let i = 0; i < TURNS_PER_STEP; i++) await systemClock.turn();
  };
  const nextDue = (limit: number) =>
    [...sleepers].filter(({ due }) => due <= limit).sort((a, b) => a.due - b.due)[0];

  function after(delayMs: number, action: () => void): () => void {
    const sleeper: Sleeper = { due: elapsed + Math.max(0, delayMs), wake: action };
    sleepers.add(sleeper);
    return () => void sleepers.delete(sleeper);
  }

  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    turn: systemClock.turn,
    after,
    sleep: sleepBy(after),
    async advance(ms) {
      const target = elapsed + ms;
      await settle();
      for (let next = nextDue(target); next; next = nextDue(target)) {
        elapsed = Math.max(elapsed, next.due);
        sleepers.delete(next);
        next.wake();
        await settle();
      }
      elapsed = target;
    },
    get sleeperCount() {
      return sleepers.size;
    },
  };
}
