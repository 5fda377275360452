import { expect, test } from "@jest/globals";
import { LateAbort } from "./late-abort.ts";

test("a signal that was asked for before the end is told of it", () => {
  const over = new LateAbort();
  const { signal } = over;
  expect([over.aborted, signal.aborted]).toEqual([false, false]);
  over.abort("enough");
  expect([over.aborted, signal.aborted, signal.reason]).toEqual([true, true, "enough"]);
});

test("a signal that is asked for after the end has aborted, with the first reason", () => {
  const over = new LateAbort();
  over.abort("enough");
  over.abort("more than enough");
  expect(over.aborted).toBe(true);
  expect([over.signal.aborted, over.signal.reason]).toEqual([true, "enough"]);
  expect(over.signal).toBe(over.signal);
});
