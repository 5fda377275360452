import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Batch, Store } from "../store.ts";
import { HISTORY_MAX, never } from "./conformance-words.ts";

const anyKey = fc.constantFrom("a", "a/b", "a/c", "é", "ａ", "😀", "b");
const anyWrite = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    key: anyKey,
    value: fc.uint8Array({ maxLength: 9 }),
  }),
  fc.record({ kind: fc.constant("delete" as const), key: anyKey }),
);
const anyBatch = fc.record({
  guards: fc.array(fc.record({ key: anyKey, revision: fc.bigInt(0n, 6n) }), { maxLength: 1 }),
  writes: fc.uniqueArray(anyWrite, { selector: ({ key }) => key, maxLength: 4 }),
});

/** How the map must look after a batch: the promises of `Store` in their shortest form. */
type Model = { head: bigint; entries: Map<string, { value: Uint8Array; revision: bigint }> };

function applyToModel(model: Model, { guards = [], writes }: Batch): "committed" | "refused" {
  const revisionOf = (key: string) => model.entries.get(key)?.revision ?? 0n;
  if (guards.some(({ key, revision }) => revisionOf(key) !== revision)) return "refused";
  if (writes.some((write) => write.kind === "put" || model.entries.has(write.key)))
    model.head += 1n;
  for (const write of writes) {
    if (write.kind === "delete") model.entries.delete(write.key);
    else model.entries.set(write.key, { value: write.value, revision: model.head });
  }
  return "committed";
}

const inOrder = ({ entries }: Model) =>
  [...entries]
    .map(([key, { value, revision }]) => ({ key, value, revision }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));

/** Rebuilds the map from a watch alone. */
async function replay(store: Store, head: bigint): Promise<Map<string, bigint>> {
  const seen = new Map<string, bigint>();
  if (head === 0n) return seen;
  for await (const changes of store.watch("", 0n, never())) {
    for (const { kind, key, revision } of changes)
      if (kind === "put") seen.set(key, revision);
      else seen.delete(key);
    if (changes.at(-1)?.revision === head) break;
  }
  return seen;
}

export function describeModel(open: () => Promise<Store>): void {
  test("agrees with a plain map on any sequence of turns of batches", async () => {
    const turns = fc.array(fc.array(anyBatch, { minLength: 1, maxLength: 3 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(turns, async (batchesOfTurns) => {
        const store = await open();
        const model: Model = { head: 0n, entries: new Map() };
        for (const batches of batchesOfTurns) {
          const results = await Promise.all(batches.map((batch) => store.commit(batch)));
          const expected = batches.map((batch) => applyToModel(model, batch));
          expect(results.map(({ kind }) => kind)).toEqual(expected);
        }
        expect(await store.revision()).toBe(model.head);
        expect(await store.list("")).toEqual(inOrder(model));
        if (model.head * 4n <= HISTORY_MAX)
          expect(await replay(store, model.head)).toEqual(
            new Map(inOrder(model).map(({ key, revision }) => [key, revision])),
          );
        await store.close();
      }),
      { numRuns: 60 },
    );
  });
}
