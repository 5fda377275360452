import { expect, test } from "@jest/globals";
import { createSizing } from "./sizes.ts";

const GIB = 2 ** 30;
const worker = (index: number, diskBytes = GIB) => ({
  capacity: { cpuMillis: 1_000 + index, memoryBytes: GIB, diskBytes },
});

test("gives the same object for equal capacities, and only for those", () => {
  const sized = createSizing();
  const { capacity } = sized(worker(0));
  expect(sized(worker(0)).capacity).toBe(capacity);
  expect(sized(worker(0, 0))).toEqual(worker(0, 0));
  expect(sized(worker(0)).capacity).toBe(capacity);
});

test("forgets sizes that many others came after", () => {
  const sized = createSizing();
  const { capacity } = sized(worker(0));
  for (let index = 1; index <= 256; index++) sized(worker(index));
  expect(sized(worker(0)).capacity).not.toBe(capacity);
  expect(sized(worker(0)).capacity).toEqual(capacity);
});
