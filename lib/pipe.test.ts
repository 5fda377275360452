import { expect, test } from "@jest/globals";
import { createPipe } from "./pipe.ts";

const never = new AbortController().signal;

test("a writer is held up until the reader comes back for more", async () => {
  const pipe = createPipe<number>();
  const reader = pipe.read(never);
  const log: string[] = [];
  const writing = pipe.put(1).then((isTaken) => log.push(`taken ${isTaken}`));
  expect(await reader.next()).toEqual({ done: false, value: 1 });
  await Promise.resolve();
  expect(log).toEqual([]);
  const second = reader.next();
  await writing;
  expect(log).toEqual(["taken true"]);
  void pipe.put(2);
  expect((await second).value).toBe(2);
});

test("what waits at the end is read, and nothing is taken after it", async () => {
  const pipe = createPipe<number>();
  void pipe.put(1);
  void pipe.put(2);
  pipe.end();
  const items: number[] = [];
  for await (const item of pipe.read(never)) items.push(item);
  expect(items).toEqual([1, 2]);
  expect(await pipe.put(3)).toBe(false);
});

test("a reason to end is told after what waits", async () => {
  const pipe = createPipe<number>();
  void pipe.put(1);
  pipe.end(new Error("broken"));
  const reader = pipe.read(never);
  expect((await reader.next()).value).toBe(1);
  await expect(reader.next()).rejects.toThrow("broken");
});

test("writers hear that the reader has left", async () => {
  const pipe = createPipe<number>();
  const control = new AbortController();
  const reader = pipe.read(control.signal);
  const first = pipe.put(1);
  const second = pipe.put(2);
  await reader.next();
  control.abort();
  expect((await reader.next()).done).toBe(true);
  expect(await first).toBe(true);
  expect(await second).toBe(false);
  expect(await pipe.put(3)).toBe(false);
});
