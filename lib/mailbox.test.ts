import { expect, test } from "@jest/globals";
import { systemClock } from "./clock.ts";
import { reasonOf } from "./errors.ts";
import { createMailbox } from "./mailbox.ts";

const open = () => new AbortController();

test("what came in one turn is read as one batch", async () => {
  const box = createMailbox<number>({ clock: systemClock, limit: 10 });
  const reader = box.read(open().signal);
  box.post(1);
  box.post(2);
  expect((await reader.next()).value).toEqual([1, 2]);
});

test("of items with one key the latest is read", async () => {
  const box = createMailbox<string>({
    clock: systemClock,
    limit: 2,
    keyOf: (item) => item[0] ?? "",
  });
  for (const item of ["a1", "b1", "a2", "b2", "a3"]) box.post(item);
  expect((await box.read(open().signal).next()).value).toEqual(["a3", "b2"]);
});

test("a reader that falls behind is cut off", async () => {
  const box = createMailbox<number>({ clock: systemClock, limit: 2 });
  for (const item of [1, 2, 3]) box.post(item);
  const error = await box
    .read(open().signal)
    .next()
    .catch((reason: unknown) => reason);
  expect(reasonOf(error)).toBe("SLOW_READER");
});

test("a closed box is read to its end, then gives its reason", async () => {
  const box = createMailbox<number>({ clock: systemClock, limit: 2 });
  const reader = box.read(open().signal);
  box.post(1);
  box.close(new Error("over"));
  box.post(2);
  expect((await reader.next()).value).toEqual([1]);
  await expect(reader.next()).rejects.toThrow("over");
});

test("reading ends when the signal aborts", async () => {
  const box = createMailbox<number>({ clock: systemClock, limit: 2 });
  const control = open();
  const next = box.read(control.signal).next();
  control.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});
