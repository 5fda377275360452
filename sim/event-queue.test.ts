import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { createEventQueue } from "./event-queue.ts";

test("what is due first comes first, and of two at one moment the one that was made first", () => {
  const times = fc.array(fc.integer({ min: 0, max: 20 }));
  fc.assert(
    fc.property(times, (dueTimes) => {
      const events = dueTimes.map((dueMs, sequence) => ({ dueMs, sequence }));
      const queue = createEventQueue<(typeof events)[number]>();
      for (const event of events) queue.push(event);
      const popped = events.map(() => queue.pop());
      expect(popped).toEqual([...events].sort((a, b) => a.dueMs - b.dueMs));
      expect(queue.pop()).toBeUndefined();
    }),
    { seed: 1 },
  );
});
