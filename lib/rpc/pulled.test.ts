import { describe, expect, test } from "@jest/globals";
import { type Pulled, pullable, pulled, type Taker } from "./pulled.ts";
import { sendEach } from "./send-each.ts";
import { createGate } from "./testing/gate.ts";

/** Counts up to `last`, at once whenever it is asked, then ends or fails. */
function countTo(last: number, failure?: Error) {
  const seen = { left: false };
  let count = 0;
  const pull = (taker: Taker<number>) => {
    if (count < last) taker.take(++count);
    else if (failure) taker.fail(failure);
    else taker.end();
  };
  const items: Pulled<number> = pulled(pull, () => {
    seen.left = true;
  });
  return { items, seen };
}

async function* generated(last: number): AsyncGenerator<number, void, undefined> {
  for (let count = 1; count <= last; count++) yield count;
}

async function sent(source: AsyncIterable<number>): Promise<readonly number[]> {
  const got: number[] = [];
  await sendEach(pullable(source), (item) => void got.push(item));
  return got;
}

describe("messages that are pulled", () => {
  test("are what a loop reads too, to the end", async () => {
    const got: number[] = [];
    for await (const item of countTo(3).items) got.push(item);
    expect(got).toEqual([1, 2, 3]);
  });

  test("fail in a loop as they fail", async () => {
    const { items } = countTo(1, new Error("broken"));
    await items.next();
    await expect(items.next()).rejects.toThrow("broken");
  });

  test("are let go by a loop that is left", async () => {
    const { items, seen } = countTo(3);
    for await (const _ of items) break;
    expect(seen.left).toBe(true);
  });
});

describe("sending each", () => {
  test("sends all of it, whether it is pulled, is wrapped, or comes with promises", async () => {
    const wrapped = { [Symbol.asyncIterator]: () => countTo(3).items };
    expect(await sent(countTo(3).items)).toEqual([1, 2, 3]);
    expect(await sent(wrapped)).toEqual([1, 2, 3]);
    expect(await sent(generated(3))).toEqual([1, 2, 3]);
  });

  test("takes any number that are there at once", async () => {
    expect(await sent(countTo(100_000).items)).toHaveLength(100_000);
  });

  test("asks for no more until there is room", async () => {
    const room = createGate();
    const got: number[] = [];
    const sending = sendEach(countTo(2).items, (item) => {
      got.push(item);
      return item === 1 ? room.opened : undefined;
    });
    await Promise.resolve();
    expect(got).toEqual([1]);
    room.open();
    await sending;
    expect(got).toEqual([1, 2]);
  });

  test("fails as the messages fail", async () => {
    await expect(sent(countTo(2, new Error("broken")).items)).rejects.toThrow("broken");
    const failing = (async function* () {
      yield 1;
      throw new Error("broken");
    })();
    await expect(sent(failing)).rejects.toThrow("broken");
  });

  test.each([
    [
      "at once",
      () => {
        throw new Error("refused");
      },
    ],
    ["later", () => Promise.reject(new Error("refused"))],
  ])("lets the messages go when sending fails %s", async (_, send) => {
    const { items, seen } = countTo(3);
    await expect(sendEach(items, send)).rejects.toThrow("refused");
    expect(seen.left).toBe(true);
  });
});
