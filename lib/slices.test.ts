import { expect, test } from "@jest/globals";
import { systemClock } from "./clock.ts";
import { createManualClock } from "./manual-clock.ts";
import { createBreather, inSlices } from "./slices.ts";

/** A clock that moves on by 3 ms with every look, and counts turns. */
function createBusyClock() {
  let ms = 0;
  let turns = 0;
  const monotonic = () => {
    ms += 3;
    return ms;
  };
  const turn = () => {
    turns++;
    return systemClock.turn();
  };
  return { ...createManualClock(), monotonic, turn, turnCount: () => turns };
}

function* countTo(steps: number): Generator<undefined, number, undefined> {
  let sum = 0;
  for (let step = 0; step < steps; step++) {
    yield;
    sum++;
  }
  return sum;
}

test("a long computation lets others have their turn, and comes to its end", async () => {
  const clock = createBusyClock();
  expect(await inSlices(countTo(40), clock, new AbortController().signal)).toBe(40);
  expect(clock.turnCount()).toBeGreaterThan(5);
});

test("a short one takes no turn", async () => {
  const clock = createBusyClock();
  expect(await inSlices(countTo(2), clock, new AbortController().signal)).toBe(2);
  expect(clock.turnCount()).toBe(0);
});

test("it ends when nobody waits for it any more", async () => {
  const control = new AbortController();
  const work = inSlices(countTo(1_000_000), createBusyClock(), control.signal);
  control.abort();
  await expect(work).rejects.toThrow("left before");
});

test("of many short works others have their turn between, and not between each two", async () => {
  const clock = createBusyClock();
  const breathe = createBreather(clock);
  for (let work = 0; work < 40; work++) await breathe();
  expect(clock.turnCount()).toBeGreaterThan(5);
  expect(clock.turnCount()).toBeLessThan(20);
});
