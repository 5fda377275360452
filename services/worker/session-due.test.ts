import { expect, test } from "@jest/globals";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createDue } from "./session-due.ts";

const LIMIT_MS = 1_000;

/** Words that were sent and not answered, on a clock whose timers can be late. */
function openDue() {
  const clock = createManualClock();
  const sent: number[] = [];
  const overdue: number[] = [];
  let awayMs = 0;
  /** What is read from the sockets in the next turns. */
  let read: () => void = () => undefined;
  const monotonic = () => clock.monotonic() + awayMs;
  const due = createDue({
    clock: { after: clock.after, turn: () => clock.turn().then(read), monotonic },
    limitMs: () => LIMIT_MS,
    oldestMs: () => sent[0],
    onOverdue: () => overdue.push(monotonic()),
  });
  const send = () => {
    sent.push(monotonic());
    due.expect();
  };
  const beAway = (ms: number) => {
    awayMs += ms;
  };
  const whatWaits = (next: () => void) => {
    read = next;
  };
  return { clock, due, sent, overdue, send, beAway, whatWaits };
}

test("an answer that does not come is overdue once, counted from its word", async () => {
  const { clock, overdue, send } = openDue();
  send();
  await clock.advance(600);
  send();
  await clock.advance(399);
  expect(overdue).toEqual([]);
  await clock.advance(10_000);
  expect(overdue).toEqual([1_000]);
});

test("words that are answered in time are not waited for", async () => {
  const { clock, sent, overdue, send } = openDue();
  for (let i = 0; i < 5; i++) {
    send();
    await clock.advance(900);
    sent.pop();
  }
  await clock.advance(10_000);
  expect(overdue).toEqual([]);
  expect(clock.sleeperCount).toBe(0);
});

test("what comes while the process is away is read before anybody is blamed", async () => {
  const { clock, sent, overdue, send, beAway } = openDue();
  send();
  beAway(5_000);
  await clock.advance(LIMIT_MS);
  expect(overdue).toEqual([]);
  sent.pop();
  await clock.advance(LIMIT_MS);
  expect(overdue).toEqual([]);
});

test("after an absence a dead registry is noticed a moment later", async () => {
  const { clock, overdue, send, beAway } = openDue();
  send();
  beAway(5_000);
  await clock.advance(LIMIT_MS + LIMIT_MS / 4);
  expect(overdue).toHaveLength(1);
});

test("what waits in a socket when time is up is read first", async () => {
  const { clock, sent, overdue, send, whatWaits } = openDue();
  send();
  await clock.advance(LIMIT_MS - 1);
  whatWaits(() => void sent.pop());
  await clock.advance(LIMIT_MS);
  expect(overdue).toEqual([]);
});

test("nothing is overdue once it is stopped", async () => {
  const { clock, due, overdue, send } = openDue();
  send();
  due.stop();
  await clock.advance(10_000);
  expect(overdue).toEqual([]);
});
