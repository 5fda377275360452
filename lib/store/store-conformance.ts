import { afterEach, beforeEach, describe } from "@jest/globals";
import { describeCommits, describeGuards } from "./conformance/commits.ts";
import { describeEntries, describeKeys, describeOrder } from "./conformance/entries.ts";
import { describeModel } from "./conformance/model.ts";
import { describeClose, describeHistory, describeWatches } from "./conformance/watches.ts";
import type { Store } from "./store.ts";

const parts: readonly [string, (store: () => Store) => void][] = [
  ["a store", describeEntries],
  ["a listing", describeOrder],
  ["a key", describeKeys],
  ["a batch", describeGuards],
  ["a commit", describeCommits],
  ["a watch", describeWatches],
  ["a history", describeHistory],
  ["a store's end", describeClose],
];

/** What every engine must do. `open` gives an empty store that remembers HISTORY_MAX changes. */
export function describeStore(name: string, open: () => Promise<Store>): void {
  describe.each(parts)(`${name}: %s`, (_part, describePart) => {
    let store: Store;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());
    describePart(() => store);
  });
  describe(`${name}: against a model`, () => describeModel(open));
}
