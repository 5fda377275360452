import { exhausted } from "../../lib/errors.ts";
import { createSlots, type Slots } from "../../lib/slots.ts";

/**
 * Calls that tell workers something, under way at a time. A burst for a thousand workers, all at
 * once, would leave no turn of the event loop for what has to be on time: heartbeats and deadlines.
 * Workers that do not answer hold theirs until the call's deadline, so there are more than a few.
 */
const PUSHES_AT_ONCE = 128;

/** Each link waits with one call at most, and a registry takes fewer workers. */
const WAITING = {
  max: 1_000_000,
  refusal: (max: number) => exhausted("TOO_MANY_PUSHES", `${max} calls to workers wait`),
};

/** The slots that all links share. */
export const createPushSlots = (): Slots => createSlots(PUSHES_AT_ONCE, WAITING);
