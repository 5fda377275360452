import { expect, test } from "@jest/globals";
import { systemClock } from "./clock.ts";
import { createGroupCommit } from "./group-commit.ts";

function rig(flush: (items: readonly number[]) => Promise<void> = async () => undefined) {
  const batches: (readonly number[])[] = [];
  const lastCalls: (() => void)[] = [];
  const group = createGroupCommit<number>({
    clock: systemClock,
    lastCall: () => lastCalls.shift()?.(),
    flush: (items) => {
      batches.push([...items]);
      return flush(items);
    },
  });
  return { group, batches, lastCalls };
}

test("what is added in one turn is flushed together", async () => {
  const { group, batches } = rig();
  await Promise.all([group.add([1]), group.add([2, 3])]);
  expect(batches).toEqual([[1, 2, 3]]);
});

test("what is added during a flush makes the next batch", async () => {
  let finish: () => void = () => undefined;
  const { group, batches } = rig(() => new Promise((resolve) => (finish = resolve)));
  const first = group.add([1]);
  await systemClock.turn();
  await systemClock.turn();
  const second = group.add([2]);
  finish();
  await first;
  await systemClock.turn();
  await systemClock.turn();
  finish();
  await second;
  expect(batches).toEqual([[1], [2]]);
});

test("the last call's items go along with the batch", async () => {
  const { group, batches, lastCalls } = rig();
  lastCalls.push(() => void group.add([2]));
  await group.add([1]);
  expect(batches).toEqual([[1, 2]]);
});

test("settled waits for the latest batch", async () => {
  const { group, batches } = rig();
  void group.add([1]);
  await group.settled();
  expect(batches).toEqual([[1]]);
  await group.settled();
});

test("a failed flush is final and told to everyone who waits", async () => {
  const { group, batches } = rig(() => Promise.reject(new Error("disk full")));
  const first = group.add([1]);
  await expect(first).rejects.toThrow("disk full");
  await expect(group.add([2])).rejects.toThrow("disk full");
  await expect(group.settled()).rejects.toThrow("disk full");
  expect(batches).toEqual([[1]]);
});

test("nobody has to wait for what comes after a failed flush", async () => {
  const { group } = rig(() => Promise.reject(new Error("disk full")));
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  await expect(group.add([1])).rejects.toThrow("disk full");
  void group.add([2]);
  void group.settled();
  await systemClock.turn();
  await systemClock.turn();
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});
