import { describe, expect, test } from "@jest/globals";
import { createAddressCycle } from "./address-cycle.ts";
import { type AddressEntry, formatAddressEntry, parseAddressList } from "./address-list.ts";
import { reasonOf } from "./errors.ts";

/** A cycle over `text`, where names stand for what `book` says. */
function openCycle(text: string, book: Record<string, readonly string[]> = {}) {
  const list = parseAddressList(text);
  if (list.kind === "malformed") throw new Error(list.explanation);
  const lookedUp: string[] = [];
  const cycle = createAddressCycle(list.entries, async (entry: AddressEntry) => {
    const word = formatAddressEntry(entry);
    lookedUp.push(word);
    const addresses = book[word];
    if (!addresses) throw new Error("unknown host");
    return addresses;
  });
  const take = async (count: number) => {
    const taken: string[] = [];
    for (let i = 0; i < count; i++) taken.push(await cycle.next());
    return taken;
  };
  return { cycle, take, lookedUp, book };
}

describe("a cycle of addresses", () => {
  test("gives every address of every entry, and begins anew", async () => {
    const { take } = openCycle("a:1,b:1", {
      "a:1": ["1.1.1.1:1", "1.1.1.2:1"],
      "b:1": ["2.2.2.2:1"],
    });
    expect(await take(4)).toEqual(["1.1.1.1:1", "1.1.1.2:1", "2.2.2.2:1", "1.1.1.1:1"]);
  });

  test("looks an entry up when it is its turn, and anew in each round", async () => {
    const { take, lookedUp, book } = openCycle("a:1,b:1", {
      "a:1": ["1.1.1.1:1"],
      "b:1": ["2.2.2.2:1"],
    });
    await take(1);
    expect(lookedUp).toEqual(["a:1"]);
    book["a:1"] = ["1.1.1.9:1"];
    expect(await take(2)).toEqual(["2.2.2.2:1", "1.1.1.9:1"]);
  });

  test("goes past what cannot be found", async () => {
    const { take } = openCycle("a:1,b:1,c:1", { "b:1": [], "c:1": ["3.3.3.3:1"] });
    expect(await take(2)).toEqual(["3.3.3.3:1", "3.3.3.3:1"]);
  });

  test("says what it looked for when nothing is found, and finds it later", async () => {
    const { cycle, take, book } = openCycle("a:1,srv:_manager._tcp.berth");
    const error: unknown = await cycle.next().catch((reason: unknown) => reason);
    expect(reasonOf(error)).toBe("NOT_CONNECTED");
    expect(String(error)).toContain("a:1: unknown host; srv:_manager._tcp.berth: unknown host");
    book["a:1"] = ["1.1.1.1:1"];
    expect(await take(1)).toEqual(["1.1.1.1:1"]);
  });

  test("knows whether there is a choice", async () => {
    const one = openCycle("a:1", { "a:1": ["1.1.1.1:1"] });
    await one.take(2);
    expect(one.cycle.hasChoice()).toBe(false);
    const two = openCycle("a:1", { "a:1": ["1.1.1.1:1", "1.1.1.2:1"] });
    await two.take(1);
    expect(two.cycle.hasChoice()).toBe(true);
    expect(openCycle("a:1,b:1").cycle.hasChoice()).toBe(true);
  });
});
