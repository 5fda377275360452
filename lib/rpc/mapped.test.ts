import { expect, test } from "@jest/globals";
import { mapped } from "./mapped.ts";

/** Counts up, and says when its reader has left. */
function createSource() {
  const seen = { left: false };
  async function* count(): AsyncGenerator<number, void, undefined> {
    try {
      for (let i = 1; i <= 3; i++) yield i;
    } finally {
      seen.left = true;
    }
  }
  return { seen, items: count() };
}

test("gives every item, changed, to the end", async () => {
  const got: number[] = [];
  for await (const item of mapped(createSource().items, (n) => n * 10)) got.push(item);
  expect(got).toEqual([10, 20, 30]);
});

test("lets the source go when its reader leaves", async () => {
  const { items, seen } = createSource();
  for await (const _ of mapped(items, (n) => n)) break;
  expect(seen.left).toBe(true);
});

test("lets the source go, and fails, when an item cannot be changed", async () => {
  const { items, seen } = createSource();
  const read = async () => {
    const refuse = (): never => {
      throw new Error("no");
    };
    for await (const _ of mapped(items, refuse));
  };
  await expect(read()).rejects.toThrow("no");
  expect(seen.left).toBe(true);
});
