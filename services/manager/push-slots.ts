import { exhausted } from "../../lib/errors.ts";
import { createSlots, type Slots } from "../../lib/slots.ts";

/**
 * Workers that are told something at a time. A burst for a thousand workers, all at
 * once, would leave no turn of the event loop for what has to be on time: heartbeats and deadlines.
 * Workers that do not answer hold theirs until the call's deadline, so there are more than a few.
 */
const PUSHES_AT_ONCE = 128;

/** Each link waits once at most, and a registry takes fewer workers. */
const WAITING = {
  max: 1_000_000,
  refusal: (max: number) => exhausted("TOO_MANY_PUSHES", `${max} workers wait to be told`),
};

/** The slots that all links share. */
export const createPushSlots = (): Slots => createSlots(PUSHES_AT_ONCE, WAITING);
