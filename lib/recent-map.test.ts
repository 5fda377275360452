import { expect, test } from "@jest/globals";
import { createRecentMap } from "./recent-map.ts";

test("the latest are remembered, and no more than twice as many as they must be", () => {
  const map = createRecentMap<number, string>(10);
  for (let key = 1; key <= 95; key++) map.set(key, `value ${key}`);
  const kept = Array.from({ length: 95 }, (_, i) => i + 1).filter((key) => map.get(key));
  expect(kept.length).toBeLessThanOrEqual(20);
  expect(kept.slice(-10)).toEqual([86, 87, 88, 89, 90, 91, 92, 93, 94, 95]);
  expect(map.get(95)).toBe("value 95");
});
