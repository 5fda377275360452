import { expect, test } from "@jest/globals";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createHostBook } from "./dns-hosts.ts";

function openBook(answers: Record<string, readonly string[]>) {
  const clock = createManualClock();
  const asked: string[] = [];
  const book = createHostBook({
    clock,
    log: silentLog,
    lookup(host) {
      asked.push(host);
      const found = answers[host];
      return found ? Promise.resolve(found) : Promise.reject(new Error("ENOTFOUND"));
    },
  });
  return { book, clock, asked };
}

test("an IP address is its own, and is never looked up", () => {
  const { book, asked } = openBook({});
  book.hold("10.0.0.1");
  expect(book.addressesOf("10.0.0.1")).toEqual(["10.0.0.1"]);
  expect(book.addressesOf("fd00::1")).toEqual(["fd00::1"]);
  expect(asked).toEqual([]);
});

test("a name is looked up while somebody holds it, again and again", async () => {
  const answers: Record<string, readonly string[]> = { node: ["10.0.0.1"] };
  const { book, clock, asked } = openBook(answers);
  book.hold("node");
  book.hold("node");
  await clock.advance(0);
  expect(book.addressesOf("node")).toEqual(["10.0.0.1"]);
  answers["node"] = ["10.0.0.2"];
  book.release("node");
  await clock.advance(30_000);
  expect(book.addressesOf("node")).toEqual(["10.0.0.2"]);
  book.release("node");
  await clock.advance(300_000);
  expect(asked).toHaveLength(2);
  expect(book.addressesOf("node")).toEqual([]);
});

test("a name that is not found keeps what it had, and is soon tried again", async () => {
  const answers: Record<string, readonly string[]> = { node: ["10.0.0.1"] };
  const { book, clock, asked } = openBook(answers);
  book.hold("node");
  await clock.advance(0);
  delete answers["node"];
  await clock.advance(30_000);
  expect(book.addressesOf("node")).toEqual(["10.0.0.1"]);
  answers["node"] = ["10.0.0.3"];
  await clock.advance(5_000);
  expect(book.addressesOf("node")).toEqual(["10.0.0.3"]);
  book.close();
  await clock.advance(300_000);
  expect(asked).toHaveLength(3);
});
