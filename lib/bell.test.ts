import { expect, test } from "@jest/globals";
import { createBell } from "./bell.ts";
import { createManualClock } from "./manual-clock.ts";

const rig = () => {
  const clock = createManualClock();
  const leaving = new AbortController();
  const bell = createBell(clock);
  let wakings = 0;
  const wait = async (limitMs?: number) => {
    await bell.wait(leaving.signal, limitMs);
    wakings++;
  };
  return { clock, leaving, bell, wait, wakings: () => wakings };
};

test("a ring wakes the one who waits, and its timer goes", async () => {
  const { clock, bell, wait } = rig();
  const waiting = wait(1_000);
  bell.ring();
  await waiting;
  expect(clock.sleeperCount).toBe(0);
});

test("a ring that nobody waited for is kept, once", async () => {
  const { clock, bell, wait, wakings } = rig();
  bell.ring();
  bell.ring();
  await wait();
  void wait(1_000);
  await clock.advance(999);
  expect(wakings()).toBe(1);
});

test("a hushed ring wakes nobody", async () => {
  const { clock, bell, wait, wakings } = rig();
  bell.ring();
  bell.hush();
  void wait(1_000);
  await clock.advance(999);
  expect(wakings()).toBe(0);
  await clock.advance(1);
  expect(wakings()).toBe(1);
});

test("who leaves waits no longer", async () => {
  const { clock, leaving, wait } = rig();
  const waiting = wait(1_000);
  leaving.abort();
  await waiting;
  await wait();
  expect(clock.sleeperCount).toBe(0);
});
