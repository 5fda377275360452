import { WorkerEventKind } from "../../gen/berth/v1/registry_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { wrongState } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createEndpoints } from "./endpoints.ts";
import { type Change, createSessions, type Moment, type SessionKey } from "./sessions.ts";

export type HallDeps = Readonly<{ clock: Clock; random: Random; log: Log }>;

/** Is told that what this registry knows of its own session changed, and whether by routine only. */
export type HeldListener = (workerId: string, isRoutine: boolean) => void;

/** What all verbs of a roster share. */
export type Hall = ReturnType<typeof createHall>;

export function createHall({ clock, random, log }: HallDeps, leaseMs: number) {
  const sessions = createSessions(leaseMs);
  const listeners = new Set<(change: Change) => void>();
  const heldListeners = new Set<HeldListener>();
  const streams = new Map<string, (reason: Error) => void>();

  function publishHeld(workerId: string, isRoutine = false): void {
    if (!sessions.records.get(workerId)?.isOwn) return;
    for (const listener of heldListeners) listener(workerId, isRoutine);
  }

  return {
    sessions,
    endpoints: createEndpoints(),
    listeners,
    heldListeners,
    streams,
    random,
    log,
    now: (): Moment => ({ timeMs: clock.now(), monotonicMs: clock.monotonic() }),
    publishHeld,
    publish(change: Change, isHeldRoutine = change.isRoutine): void {
      for (const { workerId, kind, reason } of change.events)
        log.info({ workerId, event: WorkerEventKind[kind], reason }, "worker changed");
      for (const listener of listeners) listener(change);
      publishHeld(change.presence.workerId, isHeldRoutine);
    },
    cut({ sessionId }: SessionKey, reason: Error): void {
      streams.get(sessionId)?.(reason);
      streams.delete(sessionId);
    },
  };
}

export const supersededError = (workerId: string) =>
  wrongState("SESSION_SUPERSEDED", `worker ${workerId} has opened a newer session`);
