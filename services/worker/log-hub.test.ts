import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import { type LogEntry, LogEntrySchema, LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { createBell } from "../../lib/bell.ts";
import { systemClock } from "../../lib/clock.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createLogHub } from "./log-hub.ts";
import { GRACE_MS, TAP_BYTES_MAX } from "./log-tap.ts";
import type { ContainerFacts, LogSelection } from "./runtime.ts";

const ALL: LogSelection = {
  follow: true,
  tail: undefined,
  sinceMs: undefined,
  stdout: true,
  stderr: true,
};

/** A container's log that grows as a test says, read by an engine that keeps count. */
function createLog() {
  const entries: LogEntry[] = [];
  const bells = new Set<() => void>();
  const clock = createManualClock();
  const counts = { opened: 0, followed: 0, read: 0 };
  let hasEnded = false;
  let breaks = 0;

  function write(text: string, stream = LogStream.STDOUT): void {
    const time = toTimestamp(clock.now());
    time.nanos += entries.length;
    entries.push(create(LogEntrySchema, { stream, time, data: Buffer.from(text) }));
    for (const ring of bells) ring();
  }

  async function* logs(_id: string, { follow, tail }: LogSelection, signal: AbortSignal) {
    counts.opened++;
    if (follow) counts.followed++;
    const bell = createBell(clock);
    bells.add(bell.ring);
    const breaksBefore = breaks;
    try {
      let at = tail === undefined ? 0 : Math.max(0, entries.length - tail);
      while (!signal.aborted) {
        for (; at < entries.length; at++) {
          counts.read++;
          yield entries.slice(at, at + 1);
        }
        if (!follow || hasEnded || breaks > breaksBefore) return;
        await bell.wait(signal);
      }
    } finally {
      bells.delete(bell.ring);
    }
  }

  const state = () =>
    hasEnded ? { kind: "exited", exit: {} } : { kind: "running", startTimeMs: 0, ports: [] };
  const inspect = async () => ({ state: state() }) as ContainerFacts;
  return {
    ...{ clock, counts, write },
    hub: createLogHub({ runtime: { logs, inspect }, clock }),
    end() {
      hasEnded = true;
      for (const ring of bells) ring();
    },
    /** The engine ends its streams though the container runs, as on a change of files. */
    breakOff() {
      breaks++;
      for (const ring of bells) ring();
    },
  };
}

const control = { current: new AbortController() };
afterEach(() => {
  control.current.abort();
  control.current = new AbortController();
});

type Log = ReturnType<typeof createLog>;

const follow = ({ hub }: Log, some: Partial<LogSelection> = {}) =>
  hub.follow("c1", { ...ALL, ...some }, control.current.signal);

async function textOf(batches: AsyncIterable<readonly LogEntry[]>): Promise<string> {
  let text = "";
  for await (const batch of batches)
    for (const { data } of batch) text += Buffer.from(data).toString();
  return text;
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await systemClock.turn();
};

test("followers who come at any time read all there was and all that comes, once", async () => {
  const log = createLog();
  const readings: Promise<string>[] = [];
  let whole = "";
  for (let line = 0; line < 40; line++) {
    log.write(`${line} `);
    whole += `${line} `;
    if (line % 7 === 0) readings.push(textOf(follow(log)));
    await turns(line % 3);
  }
  log.end();
  for (const text of await Promise.all(readings)) expect(text).toBe(whole);
});

test("one stream of the engine serves a hundred followers, and goes with the last", async () => {
  const log = createLog();
  log.write("a");
  const followers = Array.from({ length: 100 }, () => follow(log));
  for (const follower of followers) expect((await follower.next()).value).toHaveLength(1);
  const waiting = followers.map((follower) => follower.next());
  await turns(5);
  log.write("b");
  for (const { value } of await Promise.all(waiting)) expect(value).toHaveLength(1);
  expect(log.counts.followed).toBe(1);
  for (const follower of followers) await follower.return();
  await turns(5);
  log.write("c");
  const read = log.counts.read;
  await turns(5);
  expect(log.counts.read).toBe(read);
});

test("a follower has the streams and the tail it asked for", async () => {
  const log = createLog();
  for (const text of ["one", "two", "three"]) log.write(text);
  const errors = textOf(follow(log, { stdout: false, tail: 0 }));
  const last = textOf(follow(log, { tail: 1, stderr: false }));
  await turns(5);
  log.write("oops", LogStream.STDERR);
  log.write("four");
  log.end();
  expect(await errors).toBe("oops");
  expect(await last).toBe("threefour");
});

const LINE = "x".repeat(16 * 1_024);
const LINES_KEPT = TAP_BYTES_MAX / LINE.length;

test("a log is read no further ahead of its followers than a bit", async () => {
  const log = createLog();
  const follower = follow(log);
  log.write("begin");
  await follower.next();
  const second = follower.next();
  await turns(5);
  for (let line = 0; line < 10 * LINES_KEPT; line++) log.write(LINE);
  await second;
  await turns(200);
  expect(log.counts.read).toBeLessThan(LINES_KEPT);
});

test("a slow follower is cut with the reason, and the quick ones lose nothing", async () => {
  const log = createLog();
  log.write("begin");
  const quick = follow(log);
  const slow = follow(log);
  await Promise.all([quick.next(), slow.next()]);
  const news = [quick.next(), slow.next()];
  await turns(5);
  const count = 10 * LINES_KEPT;
  for (let line = 0; line < count; line++) log.write(LINE);
  await Promise.all(news);
  const reading = textOf(quick);
  await turns(1_000);
  expect(log.counts.read).toBeLessThan(LINES_KEPT + 10);
  await log.clock.advance(GRACE_MS);
  log.end();
  expect((await reading).length).toBe((count - 1) * LINE.length);
  const error = await textOf(slow).catch((reason: unknown) => reason);
  expect(reasonOf(error)).toBe("SLOW_READER");
});

test("a follower that is outrun while it reads the past reads on from there", async () => {
  const log = createLog();
  for (let line = 0; line < 10; line++) log.write(`${line} `);
  const quick = follow(log);
  await quick.next();
  const late = follow(log);
  await late.next();
  const drained = textOf(quick);
  await turns(5);
  for (let line = 0; line < 3 * LINES_KEPT; line++) {
    log.write(LINE);
    await turns(1);
  }
  log.end();
  await drained;
  expect((await textOf(late)).length).toBe("0 ".length * 9 + 3 * LINES_KEPT * LINE.length);
});

test("a stream that the engine ends early is opened anew, without a gap or a repetition", async () => {
  const log = createLog();
  const reading = textOf(follow(log));
  log.write("one ");
  await turns(5);
  log.breakOff();
  log.write("two ");
  await turns(5);
  await log.clock.advance(1_000);
  log.write("three");
  await turns(5);
  log.end();
  expect(await reading).toBe("one two three");
});

test("what breaks the log is told to each follower", async () => {
  const clock = createManualClock();
  const runtime = {
    async *logs(_id: string, { follow }: LogSelection) {
      yield [];
      if (follow) throw new Error("the engine is gone");
    },
    inspect: async () => undefined,
  };
  const hub = createLogHub({ runtime, clock });
  const { signal } = control.current;
  for (let count = 0; count < 2; count++)
    await expect(textOf(hub.follow("c1", ALL, signal))).rejects.toThrow("the engine is gone");
});
