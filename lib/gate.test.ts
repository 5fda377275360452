import { expect, test } from "@jest/globals";
import { createGate } from "./gate.ts";
import { createManualClock } from "./manual-clock.ts";

/** So many links want to be made; who has a turn, in order, with what ends it. */
async function crowd(count: number) {
  const clock = createManualClock();
  const gate = createGate(clock, { atOnce: 64, turnMsMax: 250 });
  const turns: (() => void)[] = [];
  for (let i = 0; i < count; i++) void gate.enter().then((end) => turns.push(end));
  await clock.advance(0);
  return { clock, turns };
}

test("lets a small cluster link to all its workers at once", async () => {
  const { turns } = await crowd(50);
  expect(turns).toHaveLength(50);
});

test("has the links of a large one made some at a time", async () => {
  const { clock, turns } = await crowd(1_000);
  const first = turns.length;
  expect(first).toBeLessThan(100);
  for (const end of turns.slice(0, 10)) end();
  await clock.advance(0);
  expect(turns).toHaveLength(first + 10);
});

test("gives a turn once, however often it is ended", async () => {
  const { clock, turns } = await crowd(1_000);
  const first = turns.length;
  turns[0]?.();
  turns[0]?.();
  await clock.advance(1_000);
  turns[0]?.();
  await clock.advance(0);
  expect(turns.length).toBeLessThanOrEqual(5 * first + 1);
});

test("does not let workers that never answer hold up the others", async () => {
  const { clock, turns } = await crowd(1_000);
  for (let i = 0; i < 20; i++) await clock.advance(250);
  expect(turns).toHaveLength(1_000);
});
