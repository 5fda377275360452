import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock, type ManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { runLeaseLoop } from "./lease-loop.ts";
import { createRoster, type Roster } from "./roster.ts";
import type { SessionKey } from "./sessions.ts";
import { heartbeatOf, registrationOf } from "./test-words.ts";

const LEASE_MS = 15_000;

let clock: ManualClock;
let roster: Roster;
let control: AbortController;
let ended: Promise<void>;
/** How long the process was away: its monotonic clock is ahead of its timers by that. */
let awayMs: number;
/** What is read from the sockets in the next turns. */
let onTurn: () => void;

beforeEach(() => {
  clock = createManualClock();
  awayMs = 0;
  onTurn = () => undefined;
  const jumping = {
    ...clock,
    monotonic: () => clock.monotonic() + awayMs,
    turn: () => clock.turn().then(onTurn),
  };
  roster = createRoster(
    { clock: jumping, random: createSeededRandom(1), log: silentLog },
    LEASE_MS,
  );
  control = new AbortController();
  ended = runLeaseLoop({ roster, clock: jumping, leaseMs: LEASE_MS }, control.signal);
});
afterEach(async () => {
  control.abort();
  await ended;
});

const states = () => roster.list().map(({ state }) => WorkerState[state]);
const beat = (key: SessionKey) => roster.hear(key, heartbeatOf());

test("ends a lease when it has run out, not earlier, and cuts the stream", async () => {
  const reasons: Error[] = [];
  await clock.advance(7_000);
  roster.register(registrationOf("w1"), (reason) => reasons.push(reason));
  await clock.advance(LEASE_MS - 1);
  expect(states()).toEqual(["UP"]);
  await clock.advance(1);
  expect(states()).toEqual(["DOWN"]);
  expect(reasons.map(({ message }) => message)).toEqual([
    expect.stringContaining("worker w1 was silent for its lease"),
  ]);
});

test("keeps those who are heard and loses those who are not", async () => {
  const first = roster.register(registrationOf("w1"), () => undefined);
  roster.register(registrationOf("w2"), () => undefined);
  for (let i = 0; i < 6; i++) {
    await clock.advance(5_000);
    beat(first);
  }
  expect(states()).toEqual(["UP", "DOWN"]);
});

test("blames nobody for a stall of its own", async () => {
  const keys = ["w1", "w2"].map((id) => roster.register(registrationOf(id), () => undefined));
  await clock.advance(5_000);
  for (const key of keys) beat(key);
  awayMs = 60_000;
  await clock.advance(10_000);
  expect(states()).toEqual(["UP", "UP"]);
  for (const key of keys) beat(key);
  await clock.advance(14_000);
  expect(states()).toEqual(["UP", "UP"]);
});

test("finds after a stall of its own who is really gone", async () => {
  const [first] = ["w1", "w2"].map((id) => roster.register(registrationOf(id), () => undefined));
  awayMs = 60_000;
  await clock.advance(LEASE_MS);
  if (first) beat(first);
  await clock.advance(LEASE_MS / 2);
  expect(states()).toEqual(["UP", "DOWN"]);
});

test("reads what waits in the sockets before it judges", async () => {
  const key = roster.register(registrationOf("w1"), () => undefined);
  // Stands for a heartbeat that came in time and is read one turn after the timer has fired.
  onTurn = () => beat(key);
  await clock.advance(LEASE_MS);
  expect(states()).toEqual(["UP"]);
});

test("sleeps between the ends of leases", async () => {
  await clock.advance(3 * LEASE_MS);
  expect(clock.sleeperCount).toBe(1);
  roster.register(registrationOf("w1"), () => undefined);
  await clock.advance(1);
  expect(clock.sleeperCount).toBe(1);
});

test("stops at once when it is told to", async () => {
  await clock.turn();
  control.abort();
  await ended;
  expect(clock.sleeperCount).toBe(0);
});
