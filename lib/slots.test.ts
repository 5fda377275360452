import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { systemClock } from "./clock.ts";
import { createSlots } from "./slots.ts";

const ROOM = { max: 100, refusal: (max: number) => new Error(`${max} wait already`) };

/** Work that ends when it is told to, and says when it began. */
function createWork() {
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const work = (name: string) => () =>
    new Promise<string>((resolve, reject) => {
      begun.push(name);
      ends.set(name, (error) => (error ? reject(error) : resolve(name)));
    });
  return { begun, work, end: (name: string, error?: Error) => ends.get(name)?.(error) };
}

test("no more is under way than allowed, in the order asked", async () => {
  const slots = createSlots(2, ROOM);
  const { begun, work, end } = createWork();
  const all = ["a", "b", "c"].map((name) => slots.run(work(name)));
  await systemClock.turn();
  expect(begun).toEqual(["a", "b"]);
  end("b");
  await systemClock.turn();
  expect(begun).toEqual(["a", "b", "c"]);
  end("a");
  end("c");
  expect(await Promise.all(all)).toEqual(["a", "b", "c"]);
});

test("what is urgent goes first", async () => {
  const slots = createSlots(1, ROOM);
  const { begun, work, end } = createWork();
  const all = [slots.run(work("a")), slots.run(work("b")), slots.run(work("c"), "urgent")];
  for (const name of ["a", "c", "b"]) {
    await systemClock.turn();
    end(name);
  }
  await Promise.all(all);
  expect(begun).toEqual(["a", "c", "b"]);
});

test("a failure frees the slot", async () => {
  const slots = createSlots(1, ROOM);
  const { work, end } = createWork();
  const failing = slots.run(work("a"));
  const waiting = slots.run(async () => "done");
  await systemClock.turn();
  end("a", new Error("oops"));
  await expect(failing).rejects.toThrow("oops");
  expect(await waiting).toBe("done");
});

test("more than may wait is refused", async () => {
  const slots = createSlots(1, { ...ROOM, max: 1 });
  const { work, end } = createWork();
  const running = slots.run(work("a"));
  const waiting = slots.run(async () => "done");
  await expect(slots.run(async () => "never")).rejects.toThrow("1 wait already");
  end("a");
  await Promise.all([running, waiting]);
});

test("settles: everything is done once, and never too much at a time", async () => {
  const turns = fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), turns, async (limit, works) => {
      const slots = createSlots(limit, ROOM);
      let underWay = 0;
      const one = ([turnCount, fails]: readonly [number, boolean]) =>
        slots.run(
          async () => {
            underWay++;
            expect(underWay).toBeLessThanOrEqual(limit);
            for (let turn = 0; turn < turnCount; turn++) await systemClock.turn();
            underWay--;
            if (fails) throw new Error("oops");
          },
          turnCount % 2 ? "urgent" : undefined,
        );
      const outcomes = await Promise.allSettled(works.map(one));
      expect(outcomes.map(({ status }) => status === "rejected")).toEqual(works.map(([, f]) => f));
    }),
    { numRuns: 50 },
  );
});
