import { chunks } from "../../lib/chunks.ts";
import { registryLimits } from "./limits.ts";

/** Cuts a list into messages of bearable size. */
export const inParts = <T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
): readonly (readonly T[])[] => [
  ...chunks(items, {
    entriesMax: registryLimits.workersPerMessage,
    bytesMax: registryLimits.bytesPerMessage,
    sizeOf,
  }),
];
