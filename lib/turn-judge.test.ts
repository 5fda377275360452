import { expect, test } from "@jest/globals";
import { createTurnJudge } from "./turn-judge.ts";

const judge = () => createTurnJudge(20_000);

test("a process that turns may use as much of the CPU as it likes", () => {
  const look = judge();
  const sights = Array.from({ length: 100 }, (_, at) => ({ turns: at, cpuMs: at * 60_000 }));
  expect(sights.map(look)).toEqual(sights.map(() => undefined));
});

test("a process that uses the CPU and does not turn is stuck, and it is told for how long", () => {
  const look = judge();
  look({ turns: 7, cpuMs: 1_000 });
  expect(look({ turns: 7, cpuMs: 21_000 })).toBeUndefined();
  expect(look({ turns: 7, cpuMs: 22_000 })).toBe(21_000);
});

test("a process that does not turn and uses nothing is paused, not stuck", () => {
  const look = judge();
  for (let hour = 0; hour < 24; hour++) expect(look({ turns: 3, cpuMs: 900 })).toBeUndefined();
});

test("one turn in time begins the count anew", () => {
  const look = judge();
  look({ turns: 1, cpuMs: 0 });
  look({ turns: 2, cpuMs: 19_000 });
  expect(look({ turns: 2, cpuMs: 38_000 })).toBeUndefined();
});
