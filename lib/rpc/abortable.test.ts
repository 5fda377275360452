import { describe, expect, test } from "@jest/globals";
import { orAborted, untilAborted } from "./abortable.ts";
import { pulled, type Taker } from "./pulled.ts";
import { createGate } from "./testing/gate.ts";

const never = new Promise<never>(() => undefined);
const notLate = (error: unknown) => {
  throw error;
};

describe("work that a signal may end", () => {
  test("has its own outcome when it is first", async () => {
    const { signal } = new AbortController();
    expect(await orAborted(Promise.resolve(1), signal, notLate)).toBe(1);
    await expect(orAborted(Promise.reject(new Error("no")), signal, notLate)).rejects.toThrow("no");
  });

  test("fails with the signal's reason, also one given before", async () => {
    const control = new AbortController();
    const work = orAborted(never, control.signal, notLate);
    control.abort(new Error("enough"));
    await expect(work).rejects.toThrow("enough");
    await expect(orAborted(never, control.signal, notLate)).rejects.toThrow("enough");
  });
});

describe("a source that a signal may end", () => {
  const source = (left: () => void) =>
    (async function* () {
      try {
        for (let count = 0; ; count++) yield count;
      } finally {
        left();
      }
    })();

  test("is passed on to its end", async () => {
    const three = (async function* () {
      yield* [1, 2, 3];
    })();
    const got: number[] = [];
    for await (const item of untilAborted(three, new AbortController().signal, notLate))
      got.push(item);
    expect(got).toEqual([1, 2, 3]);
  });

  test("cleans up when its reader leaves", async () => {
    const left = createGate();
    for await (const _ of untilAborted(source(left.open), new AbortController().signal, notLate))
      break;
    await left.opened;
  });

  test("cleans up when the signal aborts, though nobody asks for more", async () => {
    const left = createGate();
    const control = new AbortController();
    const reader = untilAborted(source(left.open), control.signal, notLate);
    await reader.next();
    control.abort(new Error("enough"));
    await left.opened;
    await expect(reader.next()).rejects.toThrow("enough");
    expect((await reader.next()).done).toBe(true);
  });

  test("is not waited for, and what it throws afterwards is handed over", async () => {
    const control = new AbortController();
    const late = createGate();
    const held = createGate();
    const stubborn = (async function* () {
      yield 1;
      await held.opened;
      throw new Error("too late");
    })();
    const reader = untilAborted(stubborn, control.signal, late.open);
    await reader.next();
    const next = reader.next();
    control.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    expect(late.isOpen).toBe(false);
    held.open();
    await late.opened;
  });

  test.each(["end", "fail"] as const)(
    "says why it is over, not how it took it: %s",
    async (how) => {
      const control = new AbortController();
      let waiting: Taker<number> | undefined;
      const heedful = pulled<number>(
        (taker) => {
          waiting = taker;
        },
        () => undefined,
      );
      const react = () => (how === "end" ? waiting?.end() : waiting?.fail(new Error("me too")));
      control.signal.addEventListener("abort", react);
      const reader = untilAborted(heedful, control.signal, () => undefined);
      const next = reader.next();
      control.abort(new Error("enough"));
      await expect(next).rejects.toThrow("enough");
      expect((await reader.next()).done).toBe(true);
    },
  );

  test("fails with the signal's reason though it ends when it is let go", async () => {
    const control = new AbortController();
    let waiting: Taker<number> | undefined;
    const wait = (taker: Taker<number>) => {
      waiting = taker;
    };
    const prompt = pulled<number>(wait, () => waiting?.end());
    const reader = untilAborted(prompt, control.signal, notLate);
    const next = reader.next();
    control.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    expect((await reader.next()).done).toBe(true);
  });

  test("that cannot clean up hands its error over", async () => {
    const late = createGate();
    const broken = (async function* () {
      try {
        yield 1;
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: the fault that is tested
        throw new Error("cannot clean up");
      }
    })();
    for await (const _ of untilAborted(broken, new AbortController().signal, late.open)) break;
    await late.opened;
  });
});
