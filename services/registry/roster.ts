import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import {
  type SessionRequest_Heartbeat,
  type SessionRequest_Registration,
  WorkerEventKind,
} from "../../gen/berth/v1/registry_service_pb.ts";
import { PortProtocol } from "../../gen/berth/v1/task_pb.ts";
import type { WorkerPresence } from "../../gen/berth/v1/worker_pb.ts";
import { unreachable } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { alreadyExists, exhausted, unavailable, wrongState } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { type Random, randomWord } from "../../lib/random.ts";
import { createEndpoints, type Instance } from "./endpoints.ts";
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
  type Moment,
  presences,
  type Registered,
  register,
  type SessionKey,
  upCount,
} from "./sessions.ts";

/** Who is here: the sessions and what they serve, with the present time and those who watch. */
export interface Roster {
  /**
   * Begins a session. `cut` ends its stream when the session is over before the stream is.
   * Throws ALREADY_EXISTS while another instance holds the ID.
   */
  register(registration: SessionRequest_Registration, cut: (reason: Error) => void): SessionKey;
  /** False when the session is over: its stream has been cut then. */
  hear(key: SessionKey, heartbeat: SessionRequest_Heartbeat): boolean;
  leave(key: SessionKey, reason: string): void;
  /** The session's stream has ended, with a farewell or without. */
  disconnect(key: SessionKey): void;
  /** Every worker known, ordered by ID. */
  list(): readonly WorkerPresence[];
  /** How many workers are up. */
  upCount(): number;
  resolve(name: string): readonly Endpoint[];
  /** As `resolve`, with the workers. The same list until it changes. */
  instancesOf(name: string): readonly Instance[];
  /** Tells every change from now on, until the returned function is called. */
  subscribe(listener: (change: Change) => void): () => void;
  /** On the monotonic clock; undefined while no worker is up. */
  earliestLeaseEnd(): number | undefined;
  expire(): void;
  /** The registry did not run for `stallMs`: no worker pays for it. */
  forgive(stallMs: number): void;
}

type Deps = Readonly<{ clock: Clock; random: Random; log: Log }>;

/** 80 bits: nobody guesses another's session, and no two are the same. */
const SESSION_ID_LENGTH = 16;

export function createRoster(deps: Deps, leaseMs: number): Roster {
  const hall = createHall(deps, leaseMs);
  return {
    ...sessionVerbs(hall),
    ...leaseVerbs(hall),
    list: () => presences(hall.sessions),
    upCount: () => upCount(hall.sessions),
    resolve: hall.endpoints.resolve,
    instancesOf: hall.endpoints.instancesOf,
    subscribe(listener) {
      hall.listeners.add(listener);
      return () => hall.listeners.delete(listener);
    },
  };
}

type Hall = ReturnType<typeof createHall>;

/** What all verbs share. */
function createHall({ clock, random, log }: Deps, leaseMs: number) {
  const listeners = new Set<(change: Change) => void>();
  const streams = new Map<string, (reason: Error) => void>();
  return {
    sessions: createSessions(leaseMs),
    endpoints: createEndpoints(),
    listeners,
    streams,
    random,
    log,
    now: (): Moment => ({ timeMs: clock.now(), monotonicMs: clock.monotonic() }),
    publish(change: Change): void {
      for (const { workerId, kind, reason } of change.events)
        log.info({ workerId, event: WorkerEventKind[kind], reason }, "worker changed");
      for (const listener of listeners) listener(change);
    },
    cut({ sessionId }: SessionKey, reason: Error): void {
      streams.get(sessionId)?.(reason);
      streams.delete(sessionId);
    },
  };
}

type SessionVerbs = Pick<Roster, "register" | "hear" | "leave" | "disconnect">;

function sessionVerbs(hall: Hall): SessionVerbs {
  const { sessions, endpoints, streams, log } = hall;
  return {
    register(registration, cutStream) {
      const sessionId = randomWord(hall.random, SESSION_ID_LENGTH);
      const registered = register(sessions, sessionId, registration, hall.now());
      const { change, superseded } = acceptedOrThrow(registered, registration);
      const { workerId, instanceId, description } = registration;
      if (superseded) hall.cut(superseded, supersededError(workerId));
      streams.set(sessionId, cutStream);
      const address = description?.address;
      log.info({ workerId, sessionId, instanceId, address }, "worker registered");
      hall.publish(change);
      return { workerId, sessionId };
    },
    hear(key, heartbeat) {
      const change = hear(sessions, key, heartbeat, hall.now());
      if (!change) return false;
      const served = heartbeat.endpoints?.endpoints;
      if (served) endpoints.replace(key.workerId, served.map(withProtocol));
      hall.publish(change);
      return true;
    },
    leave(key, reason) {
      const change = leave(sessions, key, reason, hall.now());
      if (!change) return;
      endpoints.remove(key.workerId);
      hall.publish(change);
    },
    disconnect(key) {
      streams.delete(key.sessionId);
      if (disconnect(sessions, key)) log.info({ ...key }, "session lost, its lease runs on");
    },
  };
}

type LeaseVerbs = Pick<Roster, "earliestLeaseEnd" | "expire" | "forgive">;

function leaseVerbs(hall: Hall): LeaseVerbs {
  const { sessions, endpoints, log } = hall;
  return {
    earliestLeaseEnd: () => earliestLeaseEnd(sessions),
    expire() {
      for (const change of expire(sessions, hall.now())) {
        const { workerId, sessionId } = change.presence;
        endpoints.remove(workerId);
        hall.cut({ workerId, sessionId }, expiredError(workerId));
        hall.publish(change);
      }
    },
    forgive(stallMs) {
      extendLeases(sessions, stallMs);
      log.warn({ stallMs, workerCount: upCount(sessions) }, "registry stalled, leases extended");
    },
  };
}

type Accepted = Extract<Registered, { kind: "registered" }>;

function acceptedOrThrow(
  registered: Registered,
  { workerId, instanceId }: SessionRequest_Registration,
): Accepted {
  switch (registered.kind) {
    case "registered":
      return registered;
    case "duplicate":
      throw alreadyExists(
        "DUPLICATE_WORKER",
        `worker ${workerId} is held by another instance than ${instanceId}: give each its own ID`,
        { metadata: { workerId }, retryMs: Math.ceil(registered.remainingMs) },
      );
    case "full":
      throw exhausted(
        "TOO_MANY_WORKERS",
        `${registryLimits.workersUp} workers are up: start another registry for worker ${workerId}`,
      );
    default:
      return unreachable(registered);
  }
}

const supersededError = (workerId: string) =>
  wrongState("SESSION_SUPERSEDED", `worker ${workerId} has opened a newer session`);

const expiredError = (workerId: string) =>
  unavailable("LEASE_EXPIRED", `worker ${workerId} was silent for its lease: register anew`);

/** A worker may leave out the protocol; an answer never does. */
const withProtocol = (endpoint: Endpoint): Endpoint =>
  endpoint.protocol === PortProtocol.UNSPECIFIED
    ? { ...endpoint, protocol: PortProtocol.TCP }
    : endpoint;
