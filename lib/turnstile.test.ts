import { expect, test } from "@jest/globals";
import { systemClock } from "./clock.ts";
import { createTurnstile } from "./turnstile.ts";

const open = new AbortController().signal;
const settle = systemClock.turn;

/** Works that end when a test says so. */
function works() {
  const inside: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () => {
    inside.push(name);
    return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
  };
  return { inside, work, end: (name: string) => ends.get(name)?.() };
}

test("no more than the limit work at a time, the others in the order they came", async () => {
  const { inside, work, end } = works();
  const { pass } = createTurnstile(2);
  const all = ["a", "b", "c", "d"].map((name) => pass(work(name), open));
  await settle();
  expect(inside).toEqual(["a", "b"]);
  end("b");
  await settle();
  expect(inside).toEqual(["a", "b", "c"]);
  for (const name of ["a", "c"]) end(name);
  await settle();
  end("d");
  expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
});

test("who gives up waiting takes no room, and a work that throws gives its room back", async () => {
  const { inside, work, end } = works();
  const { pass } = createTurnstile(1);
  const first = pass(work("a"), open);
  const impatient = new AbortController();
  const second = pass(work("b"), impatient.signal);
  impatient.abort();
  expect(await second).toBeUndefined();
  end("a");
  await first;
  await expect(pass(() => Promise.reject(new Error("no")), open)).rejects.toThrow("no");
  const last = pass(work("c"), open);
  await settle();
  expect(inside).toEqual(["a", "c"]);
  end("c");
  await last;
});
