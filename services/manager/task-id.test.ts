import { expect, test } from "@jest/globals";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { createTaskIds } from "./task-id.ts";

function rig() {
  const clock = createManualClock();
  return { clock, next: createTaskIds(clock, createSeededRandom(7)) };
}

test("IDs are unique and in the order of their making, also within a millisecond", async () => {
  const { clock, next } = rig();
  const ids: string[] = [];
  for (let i = 0; i < 5_000; i++) {
    ids.push(next());
    if (i % 1_500 === 0) await clock.advance(1);
  }
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});

test("an ID can stand in a URL, a container's name and a DNS label", () => {
  expect(rig().next()).toMatch(/^[a-z0-9]{16}$/);
});

test("a clock that steps back does not bring IDs out of order", () => {
  const steps = [1_000, 500, 2_000];
  const clock = { ...createManualClock(), now: () => steps.shift() ?? 3_000 };
  const next = createTaskIds(clock, createSeededRandom(7));
  const ids = [next(), next(), next()];
  expect([...ids].sort()).toEqual(ids);
});

test("a manager whose clock is behind makes IDs after those that are there", () => {
  const ahead = createManualClock(3_000_000);
  const behind = createManualClock(1_000_000);
  const latestId = createTaskIds(ahead, createSeededRandom(7))();
  const next = createTaskIds(behind, createSeededRandom(8), latestId);
  const ids = [latestId, next(), next()];
  expect([...ids].sort()).toEqual(ids);
});
