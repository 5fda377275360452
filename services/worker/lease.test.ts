import { afterEach, expect, test } from "@jest/globals";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createLease, LEASE_MS_ASSUMED } from "./lease.ts";

const LEASE_MS = 6_000;

const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

function world() {
  const clock = createManualClock();
  const told: string[] = [];
  const lease = createLease({
    clock,
    log: silentLog,
    onLost: (message) => void told.push(message),
    onRegained: () => void told.push("regained"),
  });
  const life = new AbortController();
  lives.push(life);
  void lease.run(life.signal);
  return { clock, told, lease, life };
}

const lostAfter = (seconds: number) =>
  `cut off: the registry has not answered for a lease of ${seconds} s`;

test("runs out when nothing is heard, counted from the start of the process", async () => {
  const { clock, told } = world();
  await clock.advance(LEASE_MS_ASSUMED - 1);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([lostAfter(4)]);
});

test("counts from when a word was sent, not from when its answer came", async () => {
  const { clock, told, lease } = world();
  await clock.advance(1_000);
  const sentMs = clock.monotonic();
  await clock.advance(2_500);
  lease.renew(sentMs, LEASE_MS);
  await clock.advance(LEASE_MS - 2_501);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([lostAfter(6)]);
});

test("goes on for as long as answers come, and an old answer takes nothing away", async () => {
  const { clock, told, lease } = world();
  for (let i = 0; i < 10; i++) {
    lease.renew(clock.monotonic(), LEASE_MS);
    lease.renew(clock.monotonic() - 1_000, LEASE_MS);
    await clock.advance(LEASE_MS - 1);
  }
  expect(told).toEqual([]);
});

test("is regained by an answer that is young enough, and lost again", async () => {
  const { clock, told, lease } = world();
  await clock.advance(10_000);
  lease.renew(clock.monotonic() - LEASE_MS, LEASE_MS);
  await clock.advance(0);
  expect(told).toEqual([lostAfter(4)]);
  lease.renew(clock.monotonic() - 1, LEASE_MS);
  await clock.advance(0);
  expect(told).toEqual([lostAfter(4), "regained"]);
  await clock.advance(LEASE_MS);
  expect(told.at(-1)).toBe(lostAfter(6));
});

test("is nobody's business once the worker stops", async () => {
  const { clock, told, life } = world();
  life.abort();
  await clock.advance(60_000);
  expect(told).toEqual([]);
  expect(clock.sleeperCount).toBe(0);
});
