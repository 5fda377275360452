import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import { createSlots } from "../../lib/slots.ts";

/**
 * Links that are being made at a time. A manager that comes back links to every worker at once, and
 * each link costs it milliseconds: in between there must be turns of the event loop for heartbeats,
 * deadlines and users.
 */
const LINKS_MADE_AT_ONCE = 64;

/** A worker that does not answer is waited for longer, but not in the way of others. */
const TURN_MS_MAX = 250;

/** Each link waits once at most, and a registry takes fewer workers. */
const WAITING = {
  max: 1_000_000,
  refusal: (max: number) => exhausted("TOO_MANY_LINKS", `${max} links wait to be made`),
};

/** Bounds how many links are being made at once. All links share one. */
export interface LinkGate {
  /** Resolves when it is this link's turn, with what ends the turn. It ends by itself, too. */
  enter(): Promise<() => void>;
}

export function createLinkGate(clock: Pick<Clock, "after">): LinkGate {
  const slots = createSlots(LINKS_MADE_AT_ONCE, WAITING);

  const turn = (begin: (end: () => void) => void) =>
    new Promise<void>((resolve) => {
      const disarm = clock.after(TURN_MS_MAX, resolve);
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
