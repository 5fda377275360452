import { createHash } from "node:crypto";
import type { Entry } from "../store.ts";
import { encodeEntry } from "./backup-format.ts";

/** How much there is, and a digest that tells any two contents of stores apart. */
export type Tally = Readonly<{ entries: number; bytes: number; digest: string }>;

/** Adds up entries that come in the order of their keys. */
export function createTally() {
  const hash = createHash("sha256");
  let entries = 0;
  let bytes = 0;
  return {
    add(page: readonly Entry[]): void {
      for (const entry of page) {
        const encoded = encodeEntry(entry);
        hash.update(encoded);
        bytes += encoded.length;
      }
      entries += page.length;
    },
    /** Once, in the end. */
    tally: (): Tally => ({ entries, bytes, digest: hash.digest("hex") }),
  };
}
