import { clone } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { WorkerEventKind } from "../../gen/berth/v1/registry_service_pb.ts";
import { WorkerPresenceSchema, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { type Claim, type Taken, takeClaim } from "./claims.ts";
import {
  createSessions,
  disconnect,
  expire,
  hear,
  leave,
  register,
  type Sessions,
} from "./sessions.ts";
import { heartbeatOf, registrationOf } from "./test-words.ts";

const LEASE_MS = 4_000;
const at = (ms: number) => ({ timeMs: 1_000_000 + ms, monotonicMs: ms });

/** What a registry says of the worker, as it arrives elsewhere. */
function claimOf(sessions: Sessions, heardMs = 0): Claim {
  const record = sessions.records.get("w1");
  if (!record) throw new Error("it knows nothing of w1");
  const { instanceId, sessionNumber, lease } = record;
  const presence = clone(WorkerPresenceSchema, record.presence);
  const connected = lease.kind === "running" && lease.connected;
  return { presence, instanceId, sessionNumber, connected, heardMs };
}

type Session = Readonly<{ id: string; ms?: number; instanceId?: string; number?: number }>;

function join(sessions: Sessions, { id, ms = 0, instanceId = "i1", number = 0 }: Session) {
  const registration = registrationOf("w1", { instanceId, sessionNumber: BigInt(number) });
  return register(sessions, id, registration, at(ms));
}

/** A registry with one session of w1. */
function registryWith(session: Session): Sessions {
  const sessions = createSessions(LEASE_MS);
  join(sessions, session);
  return sessions;
}

const eventsOf = (taken: Taken) =>
  taken.kind === "taken" ? taken.change.events.map(({ kind }) => WorkerEventKind[kind]) : "ignored";
const lostBy = (taken: Taken) => (taken.kind === "taken" ? taken.lost?.to : "ignored");
const sessionAt = (sessions: Sessions) => sessions.records.get("w1")?.presence.sessionId;

describe("what a peer says", () => {
  test("of a worker nobody knew brings it up, and its end takes it down", () => {
    const [here, there] = [createSessions(LEASE_MS), registryWith({ id: "s1" })];
    expect(eventsOf(takeClaim(here, claimOf(there)))).toEqual(["JOINED", "UP"]);
    leave(there, { workerId: "w1", sessionId: "s1" }, "bye", at(10));
    expect(eventsOf(takeClaim(here, claimOf(there)))).toEqual(["LEFT"]);
    expect(eventsOf(takeClaim(here, claimOf(there)))).toBe("ignored");
  });

  test("holds for a lease from when the peer heard the worker", () => {
    const [here, there] = [createSessions(LEASE_MS), registryWith({ id: "s1" })];
    takeClaim(here, claimOf(there, 1_000));
    expect(expire(here, at(4_999))).toEqual([]);
    expect(expire(here, at(5_000))).toMatchObject([{ presence: { state: WorkerState.DOWN } }]);
    expect(eventsOf(takeClaim(here, claimOf(there, 6_000)))).toEqual(["UP"]);
  });

  test("of a worker that went there ends its session here without a word to anybody", () => {
    const here = registryWith({ id: "s1", number: 1 });
    const there = registryWith({ id: "s2", number: 2, ms: -90_000 });
    const taken = takeClaim(here, claimOf(there));
    expect(eventsOf(taken)).toEqual([]);
    expect(lostBy(taken)).toBe("newer session");
    expect(hear(here, { workerId: "w1", sessionId: "s1" }, heartbeatOf(), at(1))).toBeUndefined();
  });

  test("of a session from which the worker came here changes nothing", () => {
    const here = registryWith({ id: "s2", number: 2 });
    const there = registryWith({ id: "s1", number: 1, ms: 90_000 });
    expect(takeClaim(here, claimOf(there))).toEqual({ kind: "ignored" });
    expire(there, at(200_000));
    expect(takeClaim(here, claimOf(there))).toEqual({ kind: "ignored" });
    expect(sessionAt(here)).toBe("s2");
  });

  test("goes by the clocks where a worker does not count its sessions", () => {
    const here = registryWith({ id: "s1", ms: 5 });
    expect(lostBy(takeClaim(here, claimOf(registryWith({ id: "s2", ms: 6 }))))).toBe(
      "newer session",
    );
    expect(lostBy(takeClaim(here, claimOf(registryWith({ id: "s3", ms: 4 }))))).toBe("ignored");
  });

  test("of a clone is told to the later one: both registries agree who that is", () => {
    const [first, second] = [
      registryWith({ id: "s1", ms: 1, instanceId: "i1" }),
      registryWith({ id: "s2", ms: 2, instanceId: "i2" }),
    ];
    expect(lostBy(takeClaim(first, claimOf(second)))).toBe("ignored");
    expect(lostBy(takeClaim(second, claimOf(first)))).toBe("other instance");
    expect([sessionAt(first), sessionAt(second)]).toEqual(["s1", "s1"]);
  });

  test("of a process started anew counts once the earlier one's stream has ended", () => {
    const here = registryWith({ id: "s1", instanceId: "i1" });
    disconnect(here, { workerId: "w1", sessionId: "s1" });
    const taken = takeClaim(here, claimOf(registryWith({ id: "s2", instanceId: "i2", ms: 9 })));
    expect([eventsOf(taken), sessionAt(here)]).toEqual([[], "s2"]);
  });
});

describe("a registration", () => {
  test("is refused while a peer holds another instance, and says for how long", () => {
    const here = createSessions(LEASE_MS);
    takeClaim(here, claimOf(registryWith({ id: "s1", instanceId: "i1" }), 1_000));
    const answer = join(here, { id: "s2", instanceId: "i2", ms: 3_000 });
    expect(answer).toEqual({ kind: "duplicate", remainingMs: 2_000 });
    expire(here, at(5_000));
    expect(join(here, { id: "s3", instanceId: "i2", ms: 5_000 }).kind).toBe("registered");
  });

  test("of the same instance takes over from a peer, and nobody is told of a change", () => {
    const here = createSessions(LEASE_MS);
    takeClaim(here, claimOf(registryWith({ id: "s1", number: 1 })));
    const answer = join(here, { id: "s2", number: 2, ms: 9 });
    expect(answer).toMatchObject({ kind: "registered", change: { events: [] } });
    expect(answer).toMatchObject({ superseded: undefined });
  });

  test("that comes later than the session after it is refused", () => {
    const here = createSessions(LEASE_MS);
    takeClaim(here, claimOf(registryWith({ id: "s2", number: 2 })));
    expect(join(here, { id: "s1", number: 1 })).toEqual({ kind: "outdated" });
  });
});

test("however sessions and words of three registries cross, in the end all name one session", () => {
  const where = fc.integer({ min: 0, max: 2 });
  const deed = fc.oneof(
    fc.record({ do: fc.constant("join"), at: where, instance: fc.constantFrom("i1", "i2") }),
    fc.record({ do: fc.constant("tell"), at: where, to: where }),
    fc.record({ do: fc.constantFrom("leave", "disconnect"), at: where }),
  );
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 30 }), (deeds) => {
      const registries = [1, 2, 3].map(() => createSessions(LEASE_MS));
      const own = (sessions: Sessions) => {
        const record = sessions.records.get("w1");
        return record?.isOwn ? record : undefined;
      };
      const tell = (from: Sessions, to: Sessions, ms: number) =>
        from !== to && own(from) ? takeClaim(to, claimOf(from, ms)) : undefined;
      let ms = 0;
      const numbers: Record<string, number> = { i1: 0, i2: 0 };
      for (const next of deeds) {
        ms += 1;
        const here = registries[next.at] as Sessions;
        const key = { workerId: "w1", sessionId: own(here)?.presence.sessionId ?? "none" };
        if (next.do === "leave") leave(here, key, "bye", at(ms));
        if (next.do === "disconnect") disconnect(here, key);
        if ("to" in next) tell(here, registries[next.to] as Sessions, ms);
        if (!("instance" in next)) continue;
        const number = (numbers[next.instance] ?? 0) + 1;
        numbers[next.instance] = number;
        join(here, { id: `s${ms}`, instanceId: next.instance, number, ms });
      }
      // Live sessions are told with each heartbeat; what is only a lease runs out.
      for (const sessions of registries) {
        const record = own(sessions);
        if (record?.lease.kind === "running" && !record.lease.connected)
          expire(sessions, at(ms + 2 * LEASE_MS));
      }
      for (let round = 0; round < 3; round++)
        for (const from of registries) for (const to of registries) tell(from, to, ms + 99_999);
      const live = registries.filter((sessions) => own(sessions)?.lease.kind === "running");
      expect(live.length).toBeLessThanOrEqual(1);
      const named = live.length === 1 ? new Set(registries.map(sessionAt)) : new Set(["none"]);
      expect(named.size).toBe(1);
    }),
  );
});
