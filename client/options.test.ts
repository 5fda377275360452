import { expect, test } from "@jest/globals";
import { createBerthClient } from "./client.ts";
import { baseUrlsOf, patienceOf } from "./options.ts";

test.each([
  ["10.0.0.1:7070", "http://10.0.0.1:7070"],
  ["http://10.0.0.1:7070/", "http://10.0.0.1:7070"],
  ["[::1]:7070", "http://[::1]:7070"],
  ["https://berth.example/api/", "https://berth.example/api"],
])("%s means %s", (address, baseUrl) => {
  expect(baseUrlsOf({ addresses: [address] })).toEqual([baseUrl]);
});

test.each(["", "ftp://10.0.0.1", "http://", "http://user@10.0.0.1", "http://10.0.0.1/?a=b", "a b"])(
  "%j is refused, with what it should be",
  (address) => {
    expect(() => createBerthClient({ addresses: [address] })).toThrow(
      `address ${JSON.stringify(address)} is not a manager's URL: write http://10.0.0.1:7070`,
    );
  },
);

test("a list of addresses has at least one and a bearable number, and is a list", () => {
  expect(() => createBerthClient({ addresses: [] })).toThrow("has 0 entries: give 1 to 16");
  const many = Array.from({ length: 17 }, (_, index) => `10.0.0.${index}:7070`);
  expect(() => createBerthClient({ addresses: many })).toThrow("has 17 entries");
  const text = "10.0.0.1:7070" as unknown as string[];
  expect(() => createBerthClient({ addresses: text })).toThrow("give a list");
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("a span of %d ms is refused", (ms) => {
  expect(() => patienceOf({ addresses: [], silenceMs: ms })).toThrow(
    `silenceMs is ${ms}: give milliseconds, more than 0`,
  );
});
