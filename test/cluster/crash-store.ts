import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import type { Store } from "../../lib/store/store.ts";

/** How long a flush takes at most: long enough for crashes to come in between. */
const FLUSH_MS_MAX = 30;

/** One process's way to a store that outlives it. */
export function openForLife(shared: Store, { clock, random }: { clock: Clock; random: Random }) {
  let isDead = false;
  const store: Store = {
    ...shared,
    async commit(batch) {
      await clock.sleep(random() * FLUSH_MS_MAX);
      // A dead process writes nothing, and nobody hears what it believes.
      return isDead ? { kind: "committed", revision: 0n } : shared.commit(batch);
    },
  };
  return {
    store,
    die() {
      isDead = true;
    },
  };
}
