import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createFifo } from "./fifo.ts";

test("what comes first goes first, as an array would have it, however many come and go", () => {
  const step = fc.record({ pushed: fc.nat(3_000), taken: fc.nat(3_000) });
  const run = (steps: readonly Readonly<{ pushed: number; taken: number }>[]) => {
    const [fifo, array] = [createFifo<number>(), [] as number[]];
    let serial = 0;
    for (const { pushed, taken } of steps) {
      for (let left = pushed; left > 0; left--) {
        fifo.push(serial);
        array.push(serial++);
      }
      const gone = Array.from({ length: taken }, () => fifo.shift());
      expect(gone).toEqual(Array.from({ length: taken }, () => array.shift()));
      expect(fifo.size).toBe(array.length);
    }
  };
  fc.assert(fc.property(fc.array(step, { maxLength: 8 }), run), { seed: 7, numRuns: 60 });
});
