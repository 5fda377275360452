import { type Bell, createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";

/** When a manager that this worker obeys was last in touch with it. */
export interface ManagerTouch {
  /** One has just spoken. */
  note(): void;
  /** One watches, until the returned function is called. */
  watch(): () => void;
  isWatched(): boolean;
  /** For how long none has been in touch; 0 while one watches. */
  absentMs(): number;
  /** How often one has been in touch: the same number means that none has spoken since. */
  count(): number;
  /** Rings when one has been in touch, and when one watches no more. */
  readonly changed: Bell;
}

/** A worker that has just started has been left alone since then. */
export function createManagerTouch(clock: Clock): ManagerTouch {
  const changed = createBell(clock);
  let count = 0;
  let watching = 0;
  let lastMs = clock.monotonic();

  function note(): void {
    count += 1;
    lastMs = clock.monotonic();
    changed.ring();
  }

  return {
    note,
    watch() {
      watching += 1;
      note();
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        watching -= 1;
        lastMs = clock.monotonic();
        changed.ring();
      };
    },
    isWatched: () => watching > 0,
    absentMs: () => (watching > 0 ? 0 : clock.monotonic() - lastMs),
    count: () => count,
    changed,
  };
}
