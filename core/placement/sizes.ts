import type { Amount } from "./candidate.ts";
import { createRecent } from "./recent.ts";

/** Sizes of machines that are remembered: a fleet has a few, or as many as workers. */
const SIZES_MAX = 256;

type Sized = Readonly<{ capacity: Amount }>;

/**
 * Makes one object of equal capacities. Of ten thousand workers few are in the processor's cache:
 * what they share is.
 */
export function createSizing(): <T extends Sized>(worker: T) => T {
  const sizes = createRecent<Amount>(SIZES_MAX);
  return (worker) => {
    const { capacity } = worker;
    const key = `${capacity.cpuMillis} ${capacity.memoryBytes} ${capacity.diskBytes}`;
    const known = sizes.get(key);
    if (known === undefined) sizes.set(key, capacity);
    return known === undefined ? worker : { ...worker, capacity: known };
  };
}
