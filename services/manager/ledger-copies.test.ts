import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Entry } from "../../lib/store/store.ts";
import { beyond, counted, createCensus, renewed } from "./ledger-copies.ts";

const NOW_MS = Date.UTC(2026, 10, 22);

const entry = (key: string, text = ""): Entry => ({ key, value: Buffer.from(text), revision: 7n });

async function* inPages(pages: readonly (readonly Entry[])[]) {
  yield* pages;
}

async function renewedTexts(entries: readonly Entry[], pageLength: number) {
  const pages = Array.from({ length: Math.ceil(entries.length / pageLength) }, (_, index) =>
    entries.slice(index * pageLength, (index + 1) * pageLength),
  );
  const found: Entry[] = [];
  for await (const page of renewed(inPages(pages), NOW_MS)) found.push(...page);
  return found.map(({ key, value }) => [key, Buffer.from(value).toString()]);
}

test("a restored ledger begins beyond every epoch and revision that can have been", async () => {
  const others = [entry("event/01", "e"), entry("meta/cluster-id", "abc")];
  const number = (text: string) => String(beyond(BigInt(text), NOW_MS));
  const ledger = [
    ...others,
    entry("meta/epoch", "3"),
    entry("meta/revision", "9"),
    entry("task/a", "t"),
  ];
  for (const pageLength of [1, 2, 9])
    expect(await renewedTexts(ledger, pageLength)).toEqual([
      ["event/01", "e"],
      ["meta/cluster-id", "abc"],
      ["meta/epoch", number("3")],
      ["meta/revision", number("9")],
      ["task/a", "t"],
    ]);
});

test("a ledger without a change gets a revision, for others may have seen changes since", async () => {
  const ledger = [entry("meta/cluster-id", "abc"), entry("meta/epoch", "3")];
  const keys = ["meta/cluster-id", "meta/epoch", "meta/revision"];
  expect((await renewedTexts(ledger, 1)).map(([key]) => key)).toEqual(keys);
  const withWorker = [...ledger, entry("worker/w")];
  expect((await renewedTexts(withWorker, 9)).map(([key]) => key)).toEqual([...keys, "worker/w"]);
});

test("of two restores of one backup the later one is beyond what followed the first", () => {
  const step = fc.bigInt({ min: 0n, max: 1_000_000n });
  const number = fc.bigInt({ min: 0n, max: 2n ** 50n });
  fc.assert(
    fc.property(number, step, fc.integer({ min: 1, max: 1_000_000 }), (backup, since, seconds) => {
      const first = beyond(backup, NOW_MS);
      expect(first).toBeGreaterThan(backup + since);
      // A backup from before the first restore, and one of what it made.
      const laterMs = NOW_MS + seconds * 1_000;
      expect(beyond(first + since, laterMs)).toBeGreaterThan(first + since);
      if (backup + 2n ** 20n < BigInt(NOW_MS / 1_000) * 2n ** 20n)
        expect(beyond(backup, laterMs)).toBeGreaterThan(first + since);
    }),
  );
});

test("a census tells the cluster and its tasks, and nothing of what is no ledger", async () => {
  const census = createCensus();
  expect(census.result()).toBeUndefined();
  const entries = [entry("meta/cluster-id", "abc"), entry("task-event/a/1"), entry("task/a")];
  for await (const page of counted(inPages([entries]), census)) expect(page).toBe(entries);
  expect(census.result()).toEqual({ clusterId: "abc", tasks: 1, entries: 3 });
});
