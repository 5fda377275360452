import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { createRouterTransport } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Endpoint, EndpointSchema } from "../../gen/berth/v1/endpoint_pb.ts";
import { RegistryService, type SessionRequest } from "../../gen/berth/v1/registry_service_pb.ts";
import {
  WorkerDescriptionSchema,
  type WorkerMetrics,
  WorkerMetricsSchema,
} from "../../gen/berth/v1/worker_pb.ts";
import { alreadyExists } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { createSession, DUPLICATE_RETRY_MS } from "./session.ts";
import { TERMS_MS_MAX } from "./session-connection.ts";
import { MEASURE_MS_MAX } from "./worker-metrics.ts";

const LEASE_MS = 15_000;
const INTERVAL_MS = 5_000;

type Mood = "answers" | "is silent" | "ignores heartbeats" | "knows a duplicate" | "hangs up";

const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

/** A registry in memory that writes down what it hears. */
function createRegistry() {
  const registry = {
    mood: "answers" as Mood,
    sessions: [] as SessionRequest[][],
    advice: {} as { retryMs?: number },
    /** What every answer to a heartbeat waits for. */
    hold: Promise.resolve(),
  };
  const transport = createRouterTransport((router) =>
    router.service(RegistryService, {
      async *session(words) {
        const heard: SessionRequest[] = [];
        registry.sessions.push(heard);
        for await (const request of words) {
          heard.push(request);
          const { word } = request;
          if (registry.mood === "knows a duplicate")
            throw alreadyExists("DUPLICATE_WORKER", "somebody else is w1", registry.advice);
          if (registry.mood === "hangs up") return;
          if (registry.mood === "is silent") continue;
          if (word.case === "farewell") return;
          if (word.case === "registration") yield { word: { case: "terms", value: terms } };
          if (word.case !== "heartbeat" || registry.mood !== "answers") continue;
          await registry.hold;
          yield { word: { case: "acknowledgement", value: { sequence: word.value.sequence } } };
        }
      },
    }),
  );
  const connections: { isClosed: boolean }[] = [];
  const connect = (): Channel => {
    const connection = { isClosed: false };
    connections.push(connection);
    const close = () => {
      connection.isClosed = true;
    };
    return { ...transport, address: "memory", close };
  };
  return { registry, connections, connect };
}

const terms = {
  sessionId: "s1",
  lease: durationFromMs(LEASE_MS),
  interval: durationFromMs(INTERVAL_MS),
};

function world(log: Log = silentLog) {
  const { registry, connections, connect } = createRegistry();
  const clock = createManualClock();
  const served: Endpoint[] = [];
  const answers: { sentMs: number; leaseMs: number }[] = [];
  const machine = { measure: async (): Promise<WorkerMetrics> => create(WorkerMetricsSchema) };
  const session = createSession({
    connect,
    workerId: "w1",
    describe: async () => create(WorkerDescriptionSchema, { hostname: "box" }),
    measure: () => machine.measure(),
    endpoints: () => served,
    onAnswer: (sentMs, leaseMs) => void answers.push({ sentMs, leaseMs }),
    clock,
    random: createSeededRandom(1),
    log,
  });
  const life = new AbortController();
  lives.push(life);
  const run = () => session.run(life.signal);
  const heartbeats = (index = 0) =>
    (registry.sessions[index] ?? []).flatMap(({ word }) =>
      word.case === "heartbeat" ? [word.value] : [],
    );
  return { registry, connections, clock, served, answers, machine, session, run, life, heartbeats };
}

describe("a session", () => {
  test("begins with a registration, then measurements and endpoints", async () => {
    const { run, clock, registry, heartbeats } = world();
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
    const { run, clock, heartbeats } = world();
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

  test("tells of new endpoints at once, without measuring", async () => {
    const { run, clock, served, session, heartbeats } = world();
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
    const { run, clock, session, heartbeats } = world();
    void run();
    await clock.advance(200);
    for (let i = 0; i < 50; i++) {
      session.endpointsChanged();
      await clock.advance(10);
    }
    expect(heartbeats().length).toBeLessThan(10);
  });

  test("says goodbye when the worker stops", async () => {
    const { run, clock, life, registry } = world();
    const ended = run();
    await clock.advance(10);
    life.abort();
    await clock.advance(200);
    await ended;
    expect(registry.sessions[0]?.at(-1)?.word.case).toBe("farewell");
    expect(registry.sessions).toHaveLength(1);
  });

  test("does not wait for a farewell that nobody hears", async () => {
    const { run, clock, life, registry } = world();
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
    const { run, clock, machine, heartbeats } = world();
    machine.measure = () => Promise.reject(new Error("no /proc"));
    void run();
    await clock.advance(2 * INTERVAL_MS + 10);
    expect(heartbeats()).toHaveLength(3);
    expect(heartbeats().every(({ metrics }) => metrics === undefined)).toBe(true);
  });

  test("that hang delay a heartbeat by no more than a second, and are not piled up", async () => {
    const { run, clock, machine, heartbeats } = world();
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

describe("a session that is lost", () => {
  test("is opened anew, with everything told again", async () => {
    const { run, clock, registry, heartbeats } = world();
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
    const { run, clock, registry } = world();
    void run();
    await clock.advance(10);
    registry.mood = "ignores heartbeats";
    await clock.advance(LEASE_MS - 1_000);
    expect(registry.sessions).toHaveLength(1);
    await clock.advance(INTERVAL_MS);
    expect(registry.sessions.length).toBeGreaterThan(1);
  });

  test("is followed by one over a connection of its own", async () => {
    const { run, clock, registry, connections } = world();
    void run();
    await clock.advance(10);
    registry.mood = "ignores heartbeats";
    await clock.advance(LEASE_MS + INTERVAL_MS);
    expect(registry.sessions).toHaveLength(2);
    expect(connections.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  });

  test("before it was agreed is noticed too", async () => {
    const { run, clock, registry } = world();
    registry.mood = "is silent";
    void run();
    await clock.advance(TERMS_MS_MAX + 1_000);
    expect(registry.sessions.length).toBeGreaterThan(1);
  });

  test("however often it broke is tried again before a lease is over", async () => {
    const { run, clock, registry } = world();
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
    const { run, clock, registry } = world({ ...log, error: (f, m) => void log.error(f, m) });
    registry.mood = "knows a duplicate";
    void run();
    await clock.advance(DUPLICATE_RETRY_MS - 1_000);
    expect(registry.sessions).toHaveLength(1);
    expect(errors).toEqual(["another worker has this worker's name"]);
    await clock.advance(2_000);
    expect(registry.sessions).toHaveLength(2);
  });

  test("to its own earlier life is over with that one's lease", async () => {
    const { run, clock, registry } = world();
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
    const { run, clock, registry } = world();
    registry.mood = "knows a duplicate";
    registry.advice = { retryMs: 1_500 };
    void run();
    await clock.advance(1_500 + DUPLICATE_RETRY_MS - 1);
    expect(registry.sessions).toHaveLength(2);
  });
});

test("tells when the word was sent that the registry has answered", async () => {
  const { run, clock, answers, registry } = world();
  void run();
  await clock.advance(0);
  expect(answers[0]).toEqual({ sentMs: 0, leaseMs: LEASE_MS });
  let answer: () => void = () => undefined;
  registry.hold = new Promise((resolve) => {
    answer = resolve;
  });
  await clock.advance(3 * INTERVAL_MS - 1);
  answer();
  await clock.advance(0);
  expect(answers.map(({ sentMs }) => sentMs)).toEqual([0, 0, INTERVAL_MS]);
});
