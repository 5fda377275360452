import { toMillis } from "../../core/time.ts";
import { WorkerEventKind } from "../../gen/berth/v1/registry_service_pb.ts";
import { type WorkerPresence, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { registryLimits } from "./limits.ts";
import {
  arrival,
  type Change,
  eventOf,
  forgetLongestGone,
  keyOf,
  type SessionKey,
  type Sessions,
  upCount,
  type WorkerRecord,
} from "./sessions.ts";

/** What a registry says of a session that it holds or held. */
export type Claim = Readonly<{
  presence: WorkerPresence;
  instanceId: string;
  sessionNumber: bigint;
  connected: boolean;
  /** When that registry heard the worker last, on this one's monotonic clock. */
  heardMs: number;
}>;

export type Taken =
  | Readonly<{ kind: "taken"; change: Change; lost: Lost | undefined }>
  /** What is known counts for more. */
  | Readonly<{ kind: "ignored" }>;

/** A session with this registry that is over by it. */
export type Lost = Readonly<{ key: SessionKey; to: "newer session" | "other instance" }>;

const IGNORED: Taken = { kind: "ignored" };

/** Takes in what a peer says, unless it is out of date or another's word counts for more. */
export function takeClaim(sessions: Sessions, claim: Claim): Taken {
  const known = sessions.records.get(claim.presence.workerId);
  if (known && !counts(claim, known)) return IGNORED;
  return isUp(claim) ? takeLife(sessions, claim, known) : takeEnd(sessions, claim, known);
}

const isUp = ({ presence }: Claim): boolean => presence.state === WorkerState.UP;

/**
 * Whether a claim counts for more than what is known. Of one instance the later session does: its
 * number tells, without the clocks of registries. Of two instances that are both connected, the one
 * that registered first: both registries see it so, and the clone is the one that goes.
 */
function counts(claim: Claim, known: WorkerRecord): boolean {
  const isSame = claim.presence.sessionId === known.presence.sessionId;
  const isRunning = known.lease.kind === "running";
  if (isSame) return !known.isOwn && (isUp(claim) || isRunning);
  if (claim.instanceId === known.instanceId) return isLater(claim, known);
  if (!isUp(claim) || !claim.connected) return false;
  const holds = known.lease.kind === "running" && known.lease.connected;
  return !holds || isEarlier(claim.presence, known.presence);
}

function isLater(claim: Claim, known: WorkerRecord): boolean {
  if (claim.sessionNumber !== known.sessionNumber) return claim.sessionNumber > known.sessionNumber;
  return isEarlier(known.presence, claim.presence);
}

/** By the clocks of the registries that they came to. */
function isEarlier(a: WorkerPresence, b: WorkerPresence): boolean {
  const [aMs, bMs] = [registeredMs(a), registeredMs(b)];
  return aMs === bMs ? a.sessionId < b.sessionId : aMs < bMs;
}

const registeredMs = ({ registerTime }: WorkerPresence) =>
  registerTime ? toMillis(registerTime) : 0;

function takeLife(sessions: Sessions, claim: Claim, known: WorkerRecord | undefined): Taken {
  const { presence, connected, heardMs } = claim;
  const wasUp = known?.lease.kind === "running";
  // It is told again with each heartbeat, so it comes in when there is room.
  if (!wasUp && upCount(sessions) >= registryLimits.workersUp) return IGNORED;
  if (wasUp && known.presence.stateTime) presence.stateTime = known.presence.stateTime;
  const lease = { kind: "running", endMs: heardMs + sessions.leaseMs, connected } as const;
  sessions.records.set(presence.workerId, recordOf(claim, lease));
  sessions.departed.delete(presence.workerId);
  const events = arrival(presence, known);
  const change = { presence, events, isRoutine: isRoutine(presence, known) };
  return { kind: "taken", change, lost: lostBy(claim, known) };
}

function takeEnd(sessions: Sessions, claim: Claim, known: WorkerRecord | undefined): Taken {
  const { presence } = claim;
  sessions.records.set(presence.workerId, recordOf(claim, { kind: "over" }));
  sessions.departed.add(presence.workerId);
  forgetLongestGone(sessions);
  const hasLeft = presence.state === WorkerState.LEFT;
  const event = eventOf(presence, hasLeft ? WorkerEventKind.LEFT : WorkerEventKind.DOWN);
  const events = known?.lease.kind === "over" ? [] : [event];
  return { kind: "taken", change: { presence, events }, lost: lostBy(claim, known) };
}

const recordOf = (
  { presence, instanceId, sessionNumber }: Claim,
  lease: WorkerRecord["lease"],
): WorkerRecord => ({ presence, instanceId, sessionNumber, isOwn: false, lease });

/** Whether only measurements are new. */
const isRoutine = (presence: WorkerPresence, known: WorkerRecord | undefined): boolean =>
  known?.lease.kind === "running" &&
  known.presence.sessionId === presence.sessionId &&
  known.presence.metrics?.engineHealthy === presence.metrics?.engineHealthy;

function lostBy(claim: Claim, known: WorkerRecord | undefined): Lost | undefined {
  if (!known?.isOwn || known.lease.kind === "over") return undefined;
  const isSame = claim.instanceId === known.instanceId;
  return { key: keyOf(known), to: isSame ? "newer session" : "other instance" };
}
