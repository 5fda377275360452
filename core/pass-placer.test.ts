import { expect, test } from "@jest/globals";
import { createPassPlacer } from "./pass-placer.ts";
import type { Demand } from "./placement/demand.ts";
import { createPlacer } from "./placement/place.ts";
import { amount, demand, worker } from "./placement/samples.ts";
import { spread } from "./placement/spread.ts";
import { NO_WISHES } from "./placement/wishes.ts";

/** Counts how often the placer itself is asked. */
function createRig() {
  const placer = createPlacer([worker("a", { capacity: amount(1_000, 1_024) })]);
  let askedCount = 0;
  const pass = createPassPlacer({
    ...placer,
    place(...question) {
      askedCount++;
      return placer.place(...question);
    },
  });
  const place = (asked: Demand, wishes = NO_WISHES) =>
    pass({ demand: asked, scheduler: spread, wishes }).kind;
  return { place, askedCount: () => askedCount };
}

test("asks once for tasks that ask for the same and do not fit", () => {
  const { place, askedCount } = createRig();
  const [half, tiny] = [demand({ amount: amount(600) }), demand({ amount: amount(1) })];
  expect([half, half, half, tiny, half].map((each) => place(each))).toEqual([
    "placed",
    "unplaced",
    "unplaced",
    "placed",
    "unplaced",
  ]);
  expect(askedCount()).toBe(3);
});

test("asks again for a task that may not go where others may", () => {
  const { place, askedCount } = createRig();
  const large = demand({ amount: amount(2_000) });
  expect([place(large), place(large, { ...NO_WISHES, exclude: new Set("a") })]).toEqual([
    "unplaced",
    "unplaced",
  ]);
  expect(askedCount()).toBe(2);
});

test("asks again for a task that others may have made room for", () => {
  const { place, askedCount } = createRig();
  const near = { key: "", anti: false, text: "app=db", isMeant: () => true };
  const beside = demand({ near: [near] });
  expect([place(beside), place(beside)]).toEqual(["placed", "placed"]);
  expect(askedCount()).toBe(2);
});
