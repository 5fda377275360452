import { expect, test } from "@jest/globals";
import type { Demand } from "../../core/placement/demand.ts";
import { createPlacer } from "../../core/placement/place.ts";
import { amount, demand, worker } from "../../core/placement/samples.ts";
import { spread } from "../../core/placement/spread.ts";
import { NO_WISHES } from "../../core/placement/wishes.ts";
import { createPassPlacer } from "./pass-placer.ts";

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

test("asks again for a task with a past, which may think otherwise of workers", () => {
  const { place, askedCount } = createRig();
  const large = demand({ amount: amount(2_000) });
  expect([place(large), place(large, { ...NO_WISHES, prefer: "a" })]).toEqual([
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
