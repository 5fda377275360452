import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { EndpointSchema } from "../../gen/berth/v1/endpoint_pb.ts";
import { INTERVAL_MS, LEASE_MS, sessionWorld } from "./session-test-world.ts";
import { MEASURE_MS_MAX } from "./worker-metrics.ts";

describe("a session", () => {
  test("begins with a registration, then measurements and endpoints", async () => {
    const { run, clock, registry, heartbeats } = sessionWorld();
    void run();
    await clock.advance(10);
    expect(registry.sessions[0]?.[0]?.word).toMatchObject({
      case: "registration",
      value: { workerId: "w1", description: { hostname: "box" } },
    });
    const [first] = heartbeats();
    expect(first).toMatchObject({ sequence: 1n });
    expect(first?.metrics).toBeDefined();
    expect(first?.endpoints?.endpoints).toEqual([]);
  });

  test("beats at the interval that was agreed, with endpoints only when they changed", async () => {
    const { run, clock, heartbeats } = sessionWorld();
    void run();
    await clock.advance(3 * INTERVAL_MS + 10);
    expect(heartbeats().map(({ sequence }) => sequence)).toEqual([1n, 2n, 3n, 4n]);
    expect(
      heartbeats()
        .slice(1)
        .every(({ metrics }) => metrics !== undefined),
    ).toBe(true);
    expect(
      heartbeats()
        .slice(1)
        .every(({ endpoints }) => endpoints === undefined),
    ).toBe(true);
  });

  test("beats at another interval once the registry asks for it", async () => {
    const { run, clock, heartbeats, registry } = sessionWorld();
    void run();
    await clock.advance(10);
    registry.paceMs = 2 * INTERVAL_MS;
    await clock.advance(INTERVAL_MS);
    delete registry.paceMs;
    const before = heartbeats().length;
    await clock.advance(4 * INTERVAL_MS);
    expect(heartbeats().length - before).toBe(2);
    registry.paceMs = INTERVAL_MS / 5;
    await clock.advance(4 * INTERVAL_MS);
    expect(heartbeats().length - before).toBeGreaterThan(8);
  });

  test("tells of new endpoints at once, without measuring", async () => {
    const { run, clock, served, session, heartbeats } = sessionWorld();
    void run();
    await clock.advance(1_000);
    served.push(create(EndpointSchema, { name: "web" }));
    session.endpointsChanged();
    await clock.advance(1);
    const last = heartbeats().at(-1);
    expect(last?.endpoints?.endpoints.map(({ name }) => name)).toEqual(["web"]);
    expect(last?.metrics).toBeUndefined();
  });

  test("gathers endpoints that change in a storm", async () => {
    const { run, clock, session, heartbeats } = sessionWorld();
    void run();
    await clock.advance(200);
    for (let i = 0; i < 50; i++) {
      session.endpointsChanged();
      await clock.advance(10);
    }
    expect(heartbeats().length).toBeLessThan(10);
  });

  test("says goodbye when the worker stops", async () => {
    const { run, clock, life, registry } = sessionWorld();
    const ended = run();
    await clock.advance(10);
    life.abort();
    await clock.advance(200);
    await ended;
    expect(registry.sessions[0]?.at(-1)?.word.case).toBe("farewell");
    expect(registry.sessions).toHaveLength(1);
  });

  test("does not wait for a farewell that nobody hears", async () => {
    const { run, clock, life, registry } = sessionWorld();
    registry.mood = "is silent";
    const ended = run();
    await clock.advance(10);
    life.abort();
    await clock.advance(3_000);
    await ended;
  });
});

describe("measurements", () => {
  test("that fail do not stop the heart", async () => {
    const { run, clock, machine, heartbeats } = sessionWorld();
    machine.measure = () => Promise.reject(new Error("no /proc"));
    void run();
    await clock.advance(2 * INTERVAL_MS + 10);
    expect(heartbeats()).toHaveLength(3);
    expect(heartbeats().every(({ metrics }) => metrics === undefined)).toBe(true);
  });

  test("that hang delay a heartbeat by no more than a second, and are not piled up", async () => {
    const { run, clock, machine, heartbeats } = sessionWorld();
    let count = 0;
    machine.measure = () => {
      count++;
      return new Promise(() => undefined);
    };
    void run();
    await clock.advance(2 * INTERVAL_MS + MEASURE_MS_MAX + 10);
    expect(heartbeats()).toHaveLength(3);
    expect(count).toBe(1);
  });
});

test("tells when the word was sent that the registry has answered", async () => {
  const { run, clock, answers, registry } = sessionWorld();
  void run();
  await clock.advance(0);
  expect(answers[0]).toEqual({ sentMs: 0, leaseMs: LEASE_MS });
  let answer: () => void = () => undefined;
  registry.hold = new Promise((resolve) => {
    answer = resolve;
  });
  const lateMs = 3 * INTERVAL_MS - 1;
  await clock.advance(lateMs);
  answer();
  await clock.advance(0);
  // The word that was due meanwhile follows at once.
  expect(answers.map(({ sentMs }) => sentMs)).toEqual([0, 0, INTERVAL_MS, lateMs]);
});
