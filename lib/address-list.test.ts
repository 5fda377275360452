import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatAddressEntry, parseAddressList } from "./address-list.ts";

const wordsOf = (text: string) => {
  const list = parseAddressList(text);
  return list.kind === "parsed" ? list.entries.map(formatAddressEntry) : list.explanation;
};

describe("a list of addresses", () => {
  test("is one address or several, in their order", () => {
    expect(wordsOf("10.0.0.1:7070")).toEqual(["10.0.0.1:7070"]);
    expect(wordsOf("b:1, a:2,[::1]:3")).toEqual(["b:1", "a:2", "[::1]:3"]);
  });

  test("may name a service, and the DNS server that knows it", () => {
    expect(parseAddressList("srv:_manager._tcp.berth")).toEqual({
      kind: "parsed",
      entries: [{ kind: "service", name: "_manager._tcp.berth", server: undefined }],
    });
    const asked = "srv:_registry._tcp.berth.example.org@[fd00::2]:5353";
    expect(wordsOf(`${asked},10.0.0.1:7071`)).toEqual([asked, "10.0.0.1:7071"]);
  });

  test.each([
    ["", 'address "" is not host:port'],
    ["a:1,", 'address "" is not host:port'],
    ["a:1,b", 'address "b" is not host:port: write host:port'],
    ["a:0", "name the port that it listens on"],
    ["srv:", "write srv:_manager._tcp.berth"],
    ["srv:_manager._tcp.berth@dns:53", "@ADDRESS:PORT"],
    ["srv:_manager._tcp.berth@10.0.0.2:0", "@ADDRESS:PORT"],
    ["srv:a..b", "write srv:_manager._tcp.berth"],
    [Array(17).fill("a:1").join(","), "17 entries: name at most 16"],
  ])("%j is refused with a remedy", (text, remedy) => {
    expect(wordsOf(text)).toContain(remedy);
  });

  test("never throws, and reads what it has written", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const words = wordsOf(text);
        if (typeof words !== "string") expect(wordsOf(words.join(","))).toEqual(words);
      }),
    );
  });
});
