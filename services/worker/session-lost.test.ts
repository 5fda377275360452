import { describe, expect, test } from "@jest/globals";
import { silentLog } from "../../lib/log.ts";
import { DUPLICATE_RETRY_MS, RETRY_MS_CAP } from "./session.ts";
import { TERMS_MS_MAX } from "./session-patience.ts";
import { INTERVAL_MS, LEASE_MS, sessionWorld } from "./session-test-world.ts";

describe("a session that is lost", () => {
  test("is opened anew, with everything told again", async () => {
    const { run, clock, registry, heartbeats } = sessionWorld();
    registry.mood = "hangs up";
    void run();
    await clock.advance(10);
    registry.mood = "answers";
    await clock.advance(1_000);
    const last = registry.sessions.length - 1;
    expect(last).toBeGreaterThan(0);
    expect(heartbeats(last)[0]).toMatchObject({ sequence: 1n, endpoints: { endpoints: [] } });
  });

  test("by silence is noticed when its lease has run out", async () => {
    const { run, clock, registry } = sessionWorld();
    void run();
    await clock.advance(10);
    registry.mood = "ignores heartbeats";
    await clock.advance(LEASE_MS - 1_000);
    expect(registry.sessions).toHaveLength(1);
    await clock.advance(INTERVAL_MS);
    expect(registry.sessions.length).toBeGreaterThan(1);
  });

  test("is followed by one over a connection of its own", async () => {
    const { run, clock, registry, connections } = sessionWorld();
    void run();
    await clock.advance(10);
    registry.mood = "ignores heartbeats";
    await clock.advance(LEASE_MS + INTERVAL_MS);
    expect(registry.sessions).toHaveLength(2);
    expect(connections.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  test("before it was agreed is noticed too", async () => {
    const { run, clock, registry } = sessionWorld();
    registry.mood = "is silent";
    void run();
    await clock.advance(TERMS_MS_MAX + 1_000);
    expect(registry.sessions.length).toBeGreaterThan(1);
  });

  test("however often it broke is tried again before a lease is over", async () => {
    const { run, clock, registry } = sessionWorld();
    registry.mood = "hangs up";
    void run();
    await clock.advance(60_000);
    const broken = registry.sessions.length;
    await clock.advance(1_000);
    expect(registry.sessions.length).toBeGreaterThan(broken);
  });

  test("to a worker of the same name is a matter for people, and tried slowly", async () => {
    const errors: string[] = [];
    const log = { ...silentLog, error: (_: unknown, message: string) => errors.push(message) };
    const { run, clock, registry } = sessionWorld({
      ...log,
      error: (f, m) => void log.error(f, m),
    });
    registry.mood = "knows a duplicate";
    void run();
    await clock.advance(DUPLICATE_RETRY_MS - 1_000);
    expect(registry.sessions).toHaveLength(1);
    expect(errors).toEqual(["another worker has this worker's name"]);
    await clock.advance(2_000);
    expect(registry.sessions).toHaveLength(2);
  });

  test("to its own earlier life is over with that one's lease", async () => {
    const { run, clock, registry } = sessionWorld();
    registry.mood = "knows a duplicate";
    registry.advice = { retryMs: 1_500 };
    void run();
    await clock.advance(1_499);
    expect(registry.sessions).toHaveLength(1);
    registry.mood = "answers";
    await clock.advance(1);
    expect(registry.sessions[1]?.[0]?.word.case).toBe("registration");
  });

  test("to a clone is tried slowly from the second time on", async () => {
    const { run, clock, registry } = sessionWorld();
    registry.mood = "knows a duplicate";
    registry.advice = { retryMs: 1_500 };
    void run();
    await clock.advance(1_500 + DUPLICATE_RETRY_MS - 1);
    expect(registry.sessions).toHaveLength(2);
  });

  test("to one of several registries is noticed while the lease still runs", async () => {
    const { run, clock, registry } = sessionWorld();
    registry.hasChoice = true;
    void run();
    await clock.advance(10);
    registry.mood = "ignores heartbeats";
    await clock.advance(INTERVAL_MS + LEASE_MS / 4 + RETRY_MS_CAP);
    expect(registry.sessions).toHaveLength(2);
  });

  test("before one of several registries agreed to it is not waited for", async () => {
    const { run, clock, registry } = sessionWorld();
    registry.hasChoice = true;
    registry.mood = "is silent";
    void run();
    await clock.advance(4_000 + RETRY_MS_CAP);
    expect(registry.sessions).toHaveLength(2);
  });

  test("again and again by silence makes the worker patient: all are slow", async () => {
    const { run, clock, registry } = sessionWorld();
    registry.hasChoice = true;
    registry.mood = "is silent";
    void run();
    await clock.advance(60_000);
    const before = registry.sessions.length;
    await clock.advance(TERMS_MS_MAX - RETRY_MS_CAP);
    expect(registry.sessions.length - before).toBeLessThanOrEqual(1);
  });
});
