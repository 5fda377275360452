import { create } from "@bufbuild/protobuf";
import { takeInBeat } from "../../core/heartbeat.ts";
import { toTimestamp } from "../../core/time.ts";
import {
  type SessionRequest_Heartbeat,
  type SessionRequest_Registration,
  type WorkerEvent,
  WorkerEventKind,
  WorkerEventSchema,
} from "../../gen/berth/v1/registry_service_pb.ts";
import {
  type WorkerPresence,
  WorkerPresenceSchema,
  WorkerState,
} from "../../gen/berth/v1/worker_pb.ts";
import { registryLimits } from "./limits.ts";

/** When something happened: by the clock on the wall, and by the one that never jumps. */
export type Moment = Readonly<{ timeMs: number; monotonicMs: number }>;

/** Which life of which worker. */
export type SessionKey = Readonly<{ workerId: string; sessionId: string }>;

type Lease =
  /** The worker is up. `connected`: its session's stream is open. */
  | { readonly kind: "running"; endMs: number; connected: boolean }
  /** The worker is down or has left. */
  | Readonly<{ kind: "over" }>;

export type WorkerRecord = {
  readonly presence: WorkerPresence;
  readonly instanceId: string;
  readonly sessionNumber: bigint;
  /** Whether the session is with this registry, and not with one of its peers. */
  readonly isOwn: boolean;
  readonly lease: Lease;
};

/** All that the registry knows of workers' lives. Changed only by this file and `claims.ts`. */
export type Sessions = Readonly<{
  leaseMs: number;
  records: Map<string, WorkerRecord>;
  /** The workers that are not up, the longest gone first. */
  departed: Set<string>;
}>;

/** What watchers are told: the worker as it is now, and what happened to it, oldest first. */
export type Change = Readonly<{
  presence: WorkerPresence;
  events: readonly WorkerEvent[];
  /** Nothing but a sign of life and measurements like those before: it may be told a bit later. */
  isRoutine?: boolean;
}>;

export type Registered =
  /** `superseded` is the older session whose stream must be closed. */
  | Readonly<{ kind: "registered"; change: Change; superseded: SessionKey | undefined }>
  /** Another instance holds the ID, for as long as `remainingMs` if it stays silent. */
  | Readonly<{ kind: "duplicate"; remainingMs: number }>
  /** The same instance has a later session already. */
  | Readonly<{ kind: "outdated" }>
  /** There is no room for one more. */
  | Readonly<{ kind: "full" }>;

export const createSessions = (leaseMs: number): Sessions => ({
  leaseMs,
  records: new Map(),
  departed: new Set(),
});

/**
 * Begins a session. It replaces an older one of the same instance, and one whose stream has
 * ended: then the worker's process was started anew.
 */
export function register(
  sessions: Sessions,
  sessionId: string,
  registration: SessionRequest_Registration,
  moment: Moment,
): Registered {
  const { workerId, instanceId, sessionNumber } = registration;
  const known = sessions.records.get(workerId);
  const held = known?.lease.kind === "running" ? known.lease : undefined;
  if (held?.connected && known?.instanceId !== instanceId)
    return { kind: "duplicate", remainingMs: Math.max(0, held.endMs - moment.monotonicMs) };
  if (known?.instanceId === instanceId && known.sessionNumber > sessionNumber)
    return { kind: "outdated" };
  if (!held && upCount(sessions) >= registryLimits.workersUp) return { kind: "full" };

  const presence = presenceOf(sessionId, registration, known, moment);
  const lease: Lease = { kind: "running", endMs: leaseEnd(sessions, moment), connected: true };
  sessions.records.set(workerId, { presence, instanceId, sessionNumber, isOwn: true, lease });
  sessions.departed.delete(workerId);
  const superseded = held?.connected && known?.isOwn ? keyOf(known) : undefined;
  return { kind: "registered", change: { presence, events: arrival(presence, known) }, superseded };
}

function presenceOf(
  sessionId: string,
  { workerId, instanceId, description }: SessionRequest_Registration,
  known: WorkerRecord | undefined,
  { timeMs }: Moment,
): WorkerPresence {
  const time = toTimestamp(timeMs);
  const stateTime = known?.lease.kind === "running" ? known.presence.stateTime : time;
  const metrics = known?.instanceId === instanceId ? known.presence.metrics : undefined;
  return create(WorkerPresenceSchema, {
    workerId,
    sessionId,
    state: WorkerState.UP,
    ...(description && { description }),
    ...(metrics && { metrics }),
    registerTime: time,
    ...(stateTime && { stateTime }),
    // Heartbeats change it in place.
    heardTime: toTimestamp(timeMs),
    reason: "registered",
  });
}

/** What it means that a worker is up now. */
export function arrival(presence: WorkerPresence, known: WorkerRecord | undefined): WorkerEvent[] {
  if (known?.lease.kind === "running") return [];
  const up = eventOf(presence, WorkerEventKind.UP);
  return known ? [up] : [eventOf(presence, WorkerEventKind.JOINED), up];
}

/**
 * Renews the lease. Undefined when the session is over: then nothing the worker says counts. What a
 * watcher was told of the worker before becomes what it is now: a copy for each heartbeat is most of
 * what a registry of a thousand workers would do.
 */
export function hear(
  sessions: Sessions,
  key: SessionKey,
  { metrics }: SessionRequest_Heartbeat,
  moment: Moment,
): Change | undefined {
  const held = current(sessions, key);
  if (!held) return undefined;
  const { presence, lease } = held;
  const wasHealthy = presence.metrics?.engineHealthy;
  takeInBeat(presence, { metrics, heardTime: toTimestamp(moment.timeMs) });
  lease.endMs = leaseEnd(sessions, moment);
  lease.connected = true;
  return { presence, events: [], isRoutine: presence.metrics?.engineHealthy === wasHealthy };
}

/** The stream ended without a word: the worker stays up until its lease runs out. */
export function disconnect(sessions: Sessions, key: SessionKey): boolean {
  const held = current(sessions, key);
  if (!held) return false;
  held.lease.connected = false;
  return true;
}

/** The worker said goodbye. Undefined when the session is over already. */
export function leave(
  sessions: Sessions,
  key: SessionKey,
  reason: string,
  moment: Moment,
): Change | undefined {
  const held = current(sessions, key);
  return held && depart(sessions, held.record, { state: WorkerState.LEFT, reason, moment });
}

/** Ends the leases that have run out, also of what peers told, and tells whose. */
export function expire(sessions: Sessions, moment: Moment): readonly Change[] {
  const fate = { state: WorkerState.DOWN, reason: "lease expired", moment } as const;
  return [...sessions.records.values()]
    .filter((record) => leaseEndOf(record) <= moment.monotonicMs)
    .map((record) => depart(sessions, record, fate));
}

/** Time in which the registry could not listen does not count against its workers. */
export function extendLeases(sessions: Sessions, byMs: number): void {
  for (const { lease } of sessions.records.values())
    if (lease.kind === "running") lease.endMs += byMs;
}

/** When the next lease runs out, if nothing is heard. Undefined when no worker is up. */
export function earliestLeaseEnd(sessions: Sessions): number | undefined {
  let earliestMs = Number.POSITIVE_INFINITY;
  for (const record of sessions.records.values())
    earliestMs = Math.min(earliestMs, leaseEndOf(record));
  return earliestMs === Number.POSITIVE_INFINITY ? undefined : earliestMs;
}

/** Every worker known, ordered by ID. */
export const presences = ({ records }: Sessions): readonly WorkerPresence[] =>
  [...records.keys()].sort().flatMap((id) => records.get(id)?.presence ?? []);

export const upCount = ({ records, departed }: Sessions): number => records.size - departed.size;

type Fate = Readonly<{
  state: WorkerState.DOWN | WorkerState.LEFT;
  reason: string;
  moment: Moment;
}>;

function depart(sessions: Sessions, record: WorkerRecord, { state, reason, moment }: Fate): Change {
  const { workerId } = record.presence;
  const presence = { ...record.presence, state, reason, stateTime: toTimestamp(moment.timeMs) };
  sessions.records.set(workerId, { ...record, presence, lease: { kind: "over" } });
  sessions.departed.add(workerId);
  forgetLongestGone(sessions);
  const kind = state === WorkerState.DOWN ? WorkerEventKind.DOWN : WorkerEventKind.LEFT;
  return { presence, events: [eventOf(presence, kind)] };
}

export function forgetLongestGone({ records, departed }: Sessions): void {
  for (const workerId of departed) {
    if (departed.size <= registryLimits.workersDeparted) return;
    departed.delete(workerId);
    records.delete(workerId);
  }
}

/** Of a session that still counts. */
function current({ records }: Sessions, { workerId, sessionId }: SessionKey) {
  const record = records.get(workerId);
  if (record?.presence.sessionId !== sessionId || record.lease.kind === "over") return undefined;
  return { record, presence: record.presence, lease: record.lease };
}

/** Never, of a worker that is not up. */
const leaseEndOf = ({ lease }: WorkerRecord): number =>
  lease.kind === "running" ? lease.endMs : Number.POSITIVE_INFINITY;

const leaseEnd = ({ leaseMs }: Sessions, { monotonicMs }: Moment): number => monotonicMs + leaseMs;

export const keyOf = ({ presence: { workerId, sessionId } }: WorkerRecord): SessionKey => ({
  workerId,
  sessionId,
});

export const eventOf = ({ workerId, stateTime, reason }: WorkerPresence, kind: WorkerEventKind) =>
  create(WorkerEventSchema, { workerId, kind, ...(stateTime && { time: stateTime }), reason });
