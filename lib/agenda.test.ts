import { expect, test } from "@jest/globals";
import { runAgenda } from "./agenda.ts";
import { createManualClock } from "./manual-clock.ts";

type State = Readonly<Record<"a" | "b", number | undefined>>;

function plan(first: State, takesMs = 0) {
  const clock = createManualClock();
  const life = new AbortController();
  const begun: string[] = [];
  const states: State[] = [];
  let isOver = false;
  const run = runAgenda<"a" | "b", State>(
    {
      keys: ["a", "b"],
      first,
      dueMsOf: (state, key) => state[key],
      act: async (key) => {
        begun.push(`${key}@${clock.monotonic()}`);
        if (takesMs > 0) await clock.sleep(takesMs, life.signal);
        const doneMs = clock.monotonic();
        return (state) => ({ ...state, [key]: doneMs < 300 ? doneMs + 100 : undefined });
      },
      onState: (state) => states.push(state),
    },
    clock,
    life.signal,
  ).then(() => {
    isOver = true;
  });
  return { clock, life, begun, states, run, isOver: () => isOver };
}

test("each thing is done at its time, until nothing is due any more", async () => {
  const { clock, begun, run } = plan({ a: 10, b: 250 });
  await clock.advance(1_000);
  await run;
  expect(begun).toEqual(["a@10", "a@110", "a@210", "b@250", "a@310", "b@350"]);
  expect(clock.sleeperCount).toBe(0);
});

test("one thing under way does not hold up another, and is not begun twice", async () => {
  const { clock, begun } = plan({ a: 0, b: 50 }, 200);
  await clock.advance(150);
  expect(begun).toEqual(["a@0", "b@50"]);
});

test("an abort ends it at once: no timer stays, and what comes late is dropped", async () => {
  const { clock, life, begun, states, run } = plan({ a: 0, b: 50 }, 200);
  await clock.advance(20);
  life.abort();
  await run;
  await clock.advance(1_000);
  expect(begun).toEqual(["a@0"]);
  expect(states).toEqual([]);
  expect(clock.sleeperCount).toBe(0);
});

test("with nothing to do it is over", async () => {
  const { clock, isOver } = plan({ a: undefined, b: undefined });
  await clock.advance(0);
  expect(isOver()).toBe(true);
});
