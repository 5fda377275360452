import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import type {
  SessionRequest_Heartbeat,
  SessionRequest_Registration,
} from "../../gen/berth/v1/registry_service_pb.ts";
import { PortProtocol } from "../../gen/berth/v1/task_pb.ts";
import type { WorkerPresence } from "../../gen/berth/v1/worker_pb.ts";
import { unreachable } from "../../lib/assert.ts";
import { alreadyExists, exhausted, unavailable } from "../../lib/errors.ts";
import { randomWord } from "../../lib/random.ts";
import type { Claim } from "./claims.ts";
import type { Instance } from "./endpoints.ts";
import {
  createHall,
  type Hall,
  type HallDeps,
  type HeldListener,
  supersededError,
} from "./hall.ts";
import { registryLimits } from "./limits.ts";
import { type Held, peerVerbs } from "./peer-verbs.ts";
import {
  type Change,
  disconnect,
  earliestLeaseEnd,
  expire,
  extendLeases,
  hear,
  leave,
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
  /** What this registry itself knows of its sessions, ordered by worker, for its peers. */
  held(): readonly Held[];
  /** The same of one worker. Undefined when its session is not here. */
  heldOf(workerId: string): Held | undefined;
  /** Tells which of them changed, until the returned function is called. */
  subscribeHeld(listener: HeldListener): () => void;
  /** A peer says that it holds or held a session, and what its worker serves. */
  take(claim: Claim, endpoints: readonly Endpoint[]): void;
  /** On the monotonic clock; undefined while no worker is up. */
  earliestLeaseEnd(): number | undefined;
  expire(): void;
  /** The registry did not run for `stallMs`: no worker pays for it. */
  forgive(stallMs: number): void;
}

/** 80 bits: nobody guesses another's session, and no two are the same. */
const SESSION_ID_LENGTH = 16;

export function createRoster(deps: HallDeps, leaseMs: number): Roster {
  const hall = createHall(deps, leaseMs);
  return {
    ...sessionVerbs(hall),
    ...leaseVerbs(hall),
    ...peerVerbs(hall),
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
      // Peers resolve names too: they hear of endpoints at once.
      hall.publish(change, change.isRoutine && !served);
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
      if (!disconnect(sessions, key)) return;
      log.info({ ...key }, "session lost, its lease runs on");
      hall.publishHeld(key.workerId);
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
    case "outdated":
      throw supersededError(workerId);
    case "full":
      throw exhausted(
        "TOO_MANY_WORKERS",
        `${registryLimits.workersUp} workers are up, the most of a cluster: end one before ${workerId} joins`,
      );
    default:
      return unreachable(registered);
  }
}

const expiredError = (workerId: string) =>
  unavailable("LEASE_EXPIRED", `worker ${workerId} was silent for its lease: register anew`);

/** A worker may leave out the protocol; an answer never does. */
const withProtocol = (endpoint: Endpoint): Endpoint =>
  endpoint.protocol === PortProtocol.UNSPECIFIED
    ? { ...endpoint, protocol: PortProtocol.TCP }
    : endpoint;
