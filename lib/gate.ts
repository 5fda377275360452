import type { Clock } from "./clock.ts";
import { exhausted } from "./errors.ts";
import { createSlots } from "./slots.ts";

/**
 * Bounds how many connections are being made at once: each costs milliseconds, and where a thousand
 * are made together none is there in time.
 */
export interface Gate {
  /** Resolves when it is one's turn, with what ends the turn. It ends by itself, too. */
  enter(): Promise<() => void>;
}

export type GateLimits = Readonly<{
  atOnce: number;
  /** Who takes longer is not in the way of others any more. */
  turnMsMax: number;
}>;

/** Each connection waits once at most, and a registry takes fewer workers. */
const WAITING = {
  max: 1_000_000,
  refusal: (max: number) => exhausted("TOO_MANY_LINKS", `${max} links wait to be made`),
};

export function createGate(clock: Pick<Clock, "after">, { atOnce, turnMsMax }: GateLimits): Gate {
  const slots = createSlots(atOnce, WAITING);

  const turn = (begin: (end: () => void) => void) =>
    new Promise<void>((resolve) => {
      const disarm = clock.after(turnMsMax, resolve);
      begin(() => {
        disarm();
        resolve();
      });
    });

  return {
    enter: () =>
      new Promise((resolve, reject) => {
        slots.run(() => turn(resolve)).catch(reject);
      }),
  };
}

/** Lets everybody through at once. */
export const openGate: Gate = { enter: async () => () => undefined };
