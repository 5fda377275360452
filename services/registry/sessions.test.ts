import { toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { toTimestamp } from "../../core/time.ts";
import { WorkerEventKind, WorkerEventSchema } from "../../gen/berth/v1/registry_service_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { registryLimits } from "./limits.ts";
import {
  type Change,
  createSessions,
  disconnect,
  earliestLeaseEnd,
  expire,
  extendLeases,
  hear,
  leave,
  presences,
  register,
  type SessionKey,
  type Sessions,
  upCount,
} from "./sessions.ts";
import { heartbeatOf, registrationOf } from "./test-words.ts";

const LEASE_MS = 15_000;
const at = (ms: number) => ({ timeMs: 1_000_000 + ms, monotonicMs: ms });
const key = (workerId: string, sessionId: string): SessionKey => ({ workerId, sessionId });
const eventsOf = (change: Change | undefined) =>
  change?.events.map(({ kind, reason }) => `${WorkerEventKind[kind]}: ${reason}`);
const stateOf = (sessions: Sessions, workerId: string) =>
  presences(sessions).find((presence) => presence.workerId === workerId)?.state;

function registered(sessions: Sessions, sessionId: string, ms: number, instanceId = "i1") {
  const registration = registrationOf("w1", { instanceId });
  const result = register(sessions, sessionId, registration, at(ms));
  if (result.kind !== "registered") throw new Error(`not registered: ${result.kind}`);
  return result;
}

describe("a registration", () => {
  test("brings a new worker up", () => {
    const sessions = createSessions(LEASE_MS);
    const { change, superseded } = registered(sessions, "s1", 5);
    expect(eventsOf(change)).toEqual(["JOINED: registered", "UP: registered"]);
    expect(superseded).toBeUndefined();
    expect(presences(sessions)).toMatchObject([
      { workerId: "w1", sessionId: "s1", state: WorkerState.UP, reason: "registered" },
    ]);
    expect(earliestLeaseEnd(sessions)).toBe(5 + LEASE_MS);
  });

  test("can be told of at any fraction of a millisecond", () => {
    const { change } = registered(createSessions(LEASE_MS), "s1", 0.000_000_1);
    for (const event of change.events)
      expect(() => toBinary(WorkerEventSchema, event)).not.toThrow();
  });

  test("is refused while another instance's session is open", () => {
    const sessions = createSessions(LEASE_MS);
    registered(sessions, "s1", 0);
    const clone = registrationOf("w1", { instanceId: "i2" });
    const answer = register(sessions, "s2", clone, at(4_000));
    expect(answer).toEqual({ kind: "duplicate", remainingMs: 11_000 });
    expect(hear(sessions, key("w1", "s1"), heartbeatOf(), at(4_001))).toBeDefined();
  });

  test("takes over from an older session of the same instance", () => {
    const sessions = createSessions(LEASE_MS);
    const metrics = { sequence: 7n };
    registered(sessions, "s1", 0);
    hear(sessions, key("w1", "s1"), heartbeatOf({ metrics }), at(1));
    const { change, superseded } = registered(sessions, "s2", 100);
    expect(superseded).toEqual(key("w1", "s1"));
    expect(change.events).toEqual([]);
    expect(change.presence).toMatchObject({ sessionId: "s2", metrics });
    expect(hear(sessions, key("w1", "s1"), heartbeatOf(), at(101))).toBeUndefined();
    expect(disconnect(sessions, key("w1", "s1"))).toBe(false);
    expect(leave(sessions, key("w1", "s1"), "late", at(102))).toBeUndefined();
  });

  test("of a process started anew takes over once the older stream has ended", () => {
    const sessions = createSessions(LEASE_MS);
    registered(sessions, "s1", 0);
    hear(sessions, key("w1", "s1"), heartbeatOf({ metrics: { sequence: 7n } }), at(1));
    disconnect(sessions, key("w1", "s1"));
    const { change, superseded } = registered(sessions, "s2", 100, "i2");
    expect(superseded).toBeUndefined();
    expect(change.events).toEqual([]);
    expect(change.presence.metrics).toBeUndefined();
  });

  test("brings a worker that was down up again, without joining twice", () => {
    const sessions = createSessions(LEASE_MS);
    registered(sessions, "s1", 0);
    expire(sessions, at(LEASE_MS));
    expect(eventsOf(registered(sessions, "s2", 20_000, "i2").change)).toEqual(["UP: registered"]);
    expect(upCount(sessions)).toBe(1);
  });

  test("keeps the time at which the state changed", () => {
    const sessions = createSessions(LEASE_MS);
    const first = registered(sessions, "s1", 0).change.presence;
    const second = registered(sessions, "s2", 900).change.presence;
    expect(second.stateTime).toEqual(first.stateTime);
    expect(second.registerTime).not.toEqual(first.registerTime);
  });

  test("is refused when there is no room", () => {
    const sessions = createSessions(LEASE_MS);
    const add = (n: number) => register(sessions, `s${n}`, registrationOf(`w${n}`), at(n));
    for (let n = 0; n < registryLimits.workersUp; n++) add(n);
    expect(add(registryLimits.workersUp)).toEqual({ kind: "full" });
    leave(sessions, key("w0", "s0"), "bye", at(0));
    expect(add(registryLimits.workersUp).kind).toBe("registered");
  });
});

describe("a lease", () => {
  test("runs out without a word", () => {
    const sessions = createSessions(LEASE_MS);
    registered(sessions, "s1", 0);
    expect(expire(sessions, at(LEASE_MS - 1))).toEqual([]);
    const [change] = expire(sessions, at(LEASE_MS));
    expect(eventsOf(change)).toEqual(["DOWN: lease expired"]);
    expect(stateOf(sessions, "w1")).toBe(WorkerState.DOWN);
    expect(hear(sessions, key("w1", "s1"), heartbeatOf(), at(LEASE_MS + 1))).toBeUndefined();
    expect(expire(sessions, at(9 * LEASE_MS))).toEqual([]);
  });

  test("is renewed by every heartbeat", () => {
    const sessions = createSessions(LEASE_MS);
    registered(sessions, "s1", 0);
    for (let ms = 5_000; ms < 60_000; ms += 5_000) {
      expect(hear(sessions, key("w1", "s1"), heartbeatOf(), at(ms))?.events).toEqual([]);
      expect(expire(sessions, at(ms + 4_999))).toEqual([]);
    }
  });

  test("began when it began, however often its worker is heard", () => {
    const sessions = createSessions(LEASE_MS);
    registered(sessions, "s1", 1_000);
    hear(sessions, key("w1", "s1"), heartbeatOf(), at(2_500));
    expect(sessions.records.get("w1")?.presence).toMatchObject({
      registerTime: toTimestamp(at(1_000).timeMs),
      stateTime: toTimestamp(at(1_000).timeMs),
      heardTime: toTimestamp(at(2_500).timeMs),
    });
  });

  test("runs on when the stream ends", () => {
    const sessions = createSessions(LEASE_MS);
    registered(sessions, "s1", 0);
    expect(disconnect(sessions, key("w1", "s1"))).toBe(true);
    expect(stateOf(sessions, "w1")).toBe(WorkerState.UP);
    expect(expire(sessions, at(LEASE_MS))).toHaveLength(1);
  });

  test("is over at once with a farewell", () => {
    const sessions = createSessions(LEASE_MS);
    registered(sessions, "s1", 0);
    expect(eventsOf(leave(sessions, key("w1", "s1"), "upgrade", at(1)))).toEqual(["LEFT: upgrade"]);
    expect(stateOf(sessions, "w1")).toBe(WorkerState.LEFT);
    expect(earliestLeaseEnd(sessions)).toBeUndefined();
    expect(expire(sessions, at(LEASE_MS))).toEqual([]);
  });

  test("is longer by the time in which nobody could listen", () => {
    const sessions = createSessions(LEASE_MS);
    registered(sessions, "s1", 0);
    extendLeases(sessions, 60_000);
    expect(expire(sessions, at(LEASE_MS + 59_999))).toEqual([]);
    expect(expire(sessions, at(LEASE_MS + 60_000))).toHaveLength(1);
  });
});

test("forgets those who are longest gone, and nobody else", () => {
  const sessions = createSessions(LEASE_MS);
  const count = registryLimits.workersDeparted + 2;
  for (let n = 0; n < count; n++) register(sessions, `s${n}`, registrationOf(`w${n}`), at(0));
  register(sessions, "stays", registrationOf("stays"), at(0));
  for (let n = 0; n < count; n++) leave(sessions, key(`w${n}`, `s${n}`), "bye", at(n));
  const known = presences(sessions).map(({ workerId }) => workerId);
  expect(known).toHaveLength(registryLimits.workersDeparted + 1);
  expect(known).toContain("stays");
  expect(known).not.toContain("w1");
  expect(known).toContain("w2");
});

describe("whatever happens", () => {
  const worker = fc.constantFrom("a", "b");
  const deed = fc.oneof(
    fc.record({ do: fc.constant("register"), worker, instance: fc.constantFrom("i1", "i2") }),
    fc.record({ do: fc.constantFrom("hear", "leave", "disconnect"), worker }),
    fc.record({ do: fc.constant("wait"), ms: fc.integer({ min: 1, max: LEASE_MS }) }),
    fc.record({ do: fc.constant("stall"), ms: fc.integer({ min: 1, max: LEASE_MS }) }),
  );
  type Deed = Readonly<{ do: string; worker?: string; instance?: string; ms?: number }>;

  /** Does one thing; returns what watchers would be told. */
  function act(world: { sessions: Sessions; ms: number; sessionId: number }, deed: Deed): Change[] {
    const { sessions } = world;
    const { worker: workerId = "", instance: instanceId = "" } = deed;
    const known = presences(sessions).find((presence) => presence.workerId === workerId);
    const session = key(workerId, known?.sessionId ?? "none");
    const moment = at(world.ms);
    if (deed.do === "register") {
      const words = registrationOf(workerId, { instanceId });
      const result = register(sessions, `s${world.sessionId++}`, words, moment);
      return result.kind === "registered" ? [result.change] : [];
    }
    if (deed.do === "disconnect") disconnect(sessions, session);
    if (deed.do === "hear") return [hear(sessions, session, heartbeatOf(), moment) ?? []].flat();
    if (deed.do === "leave") return [leave(sessions, session, "bye", moment) ?? []].flat();
    world.ms += deed.ms ?? 0;
    if (deed.do === "stall") extendLeases(sessions, deed.ms ?? 0);
    return [...expire(sessions, at(world.ms))];
  }

  test("a worker is in one state, its lease runs if and only if it is up, and watchers agree", () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 40 }), (deeds) => {
        const world = { sessions: createSessions(LEASE_MS), ms: 0, sessionId: 0 };
        const told = new Map<string, WorkerState>();
        for (const next of deeds) {
          for (const { presence, events } of act(world, next)) {
            const changed = told.get(presence.workerId) !== presence.state;
            expect(events.length > 0).toBe(changed);
            told.set(presence.workerId, presence.state);
          }
          const { records, departed } = world.sessions;
          for (const [workerId, { presence, lease }] of records) {
            const isUp = presence.state === WorkerState.UP;
            expect(lease.kind === "running").toBe(isUp);
            expect(departed.has(workerId)).toBe(!isUp);
            expect(told.get(workerId)).toBe(presence.state);
            if (lease.kind === "running") expect(lease.endMs).toBeGreaterThan(world.ms);
          }
        }
      }),
    );
  });
});
