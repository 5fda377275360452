import { expect, test } from "@jest/globals";
import { createManualClock } from "./manual-clock.ts";
import { createWatchdog } from "./watchdog.ts";

function rig() {
  const clock = createManualClock();
  let barks = 0;
  const dog = createWatchdog(clock, 100, () => void barks++);
  return { clock, dog, barks: () => barks };
}

test("silence is noticed once", async () => {
  const { clock, barks } = rig();
  await clock.advance(99);
  expect(barks()).toBe(0);
  await clock.advance(500);
  expect(barks()).toBe(1);
});

test("a kick puts it off", async () => {
  const { clock, dog, barks } = rig();
  await clock.advance(60);
  dog.kick();
  await clock.advance(99);
  expect(barks()).toBe(0);
  await clock.advance(1);
  expect(barks()).toBe(1);
});

test("a stopped one stays silent and leaves no timer behind", async () => {
  const { clock, dog, barks } = rig();
  dog.stop();
  await clock.advance(500);
  expect(barks()).toBe(0);
  expect(clock.sleeperCount).toBe(0);
});
