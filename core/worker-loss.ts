import { OnDisconnect, type Task } from "../gen/berth/v1/task_pb.ts";
import { STOP_GRACE_DEFAULT_SECONDS } from "./limits.ts";
import { toMillis } from "./time.ts";

/**
 * Why the registry does not count a worker as up. `down`: its lease ran out. `left`: it said
 * goodbye; its containers run on, and it may be back in a moment, with a newer version.
 * `absent`: a registry that has just started has yet to hear from it. `unheard`: no registry has
 * told of it since the manager started, so that the manager cannot even ask it.
 */
export type Departure = "down" | "left" | "absent" | "unheard";

/** What the manager has seen of a worker. Times are milliseconds on a clock that never jumps. */
export type Sighting = Readonly<{
  workerId: string;
  /** When it went last, whether it is back or not. Undefined: it never did. */
  wentMs?: number | undefined;
  /** Undefined while the registry counts it as up. */
  gone?: Readonly<{ kind: Departure; sinceMs: number }> | undefined;
  /** Whether the manager itself has asked since then and got no answer, over no link. */
  silent: boolean;
  /**
   * Whether its machine refused the connection when the manager asked last: the worker's process
   * has ended and its machine has not, so whoever keeps the process may be about to start it.
   */
  refused?: boolean;
}>;

/** What holds for all workers. */
export type Weather = Readonly<{
  nowMs: number;
  leaseMs: number;
  /** When the registry spoke last. Undefined while it is out of reach or has yet to tell all. */
  registryHeardMs: number | undefined;
  /** Since when the manager has been running without a stall. */
  steadySinceMs: number;
}>;

/** What is to be thought of the workers now. */
export type Judgement = Readonly<{
  /** The workers that are lost, and when each was, at the earliest: see `lossMs`. */
  lost: ReadonlyMap<string, number>;
  /** The workers that the manager must ask itself: only who does not answer may be lost. */
  asked: readonly string[];
  /** When to judge again though nothing happens. Undefined: there is nothing to wait for. */
  nextMs: number | undefined;
  /** Whether the registry's next word may change this. */
  awaitsWord: boolean;
  /** Why workers that seem lost are not taken for lost yet. Empty while the brake is off. */
  brakeReason: string;
}>;

/** This many workers at once, and more than half of all, are more likely cut off than dead. */
const BRAKE_WORKERS_MIN = 3;

/**
 * By how much the leases of workers that die at once end one after the other, as a share of a lease:
 * the time between two signs of life, which is a quarter and a tenth of that by chance, and some.
 */
const STRAGGLING_PER_LEASE = 0.3;

/**
 * How long a worker's process may take to be started again on a machine that lives. Its containers
 * run on meanwhile, and to take them over is better than to start them elsewhere.
 */
export const RESTART_GRACE_MS = 10_000;

/**
 * How long a worker may take to register again: it may have to notice that the registry it knew is
 * gone, wait 5 s for a connection that hangs, and back off; and when a thousand come back at once,
 * each waits for others. So long has one that cannot be asked, and the brake holds.
 */
export const COMEBACK_GRACE_MS = 20_000;

/**
 * By how much a worker's stop may come later than its lease and its grace say: its timers, its
 * engine, and a clock that runs a little slower.
 */
const DRIFT_MS = 1_000;

/**
 * Who is lost. A worker is when the registry has not heard from it for a lease **and** it does
 * not answer the manager either. One that left or that a new registry does not know has a lease to
 * come back; so have all after the manager started or stalled, since it may have missed something.
 * One whose process has ended on a machine that lives has longer, and so has one that the manager
 * cannot ask. When very many go at once, a second period must confirm it.
 */
export function judgeWorkers(sightings: readonly Sighting[], weather: Weather): Judgement {
  const { nowMs, registryHeardMs } = weather;
  const gone = sightings.flatMap((sighting) => toGone(sighting, weather));
  const confirmed = withBrake(sightings, gone, weather);
  const isDue = (each: Gone) => each.silent && each.dueMs <= nowMs;
  const isLost = (each: Gone) => isDue(each) && isTold(each, weather);
  const held = confirmed.filter((each) => each.wouldBe && isLost(each.wouldBe) && !isLost(each));
  const later = confirmed.map(({ dueMs }) => dueMs).filter((dueMs) => dueMs > nowMs);
  return {
    lost: new Map(confirmed.filter(isLost).map(({ workerId, dueMs }) => [workerId, dueMs])),
    asked: gone
      .filter(({ kind }) => kind !== "left" && kind !== "unheard")
      .map(({ workerId }) => workerId),
    nextMs: registryHeardMs === undefined ? undefined : later.toSorted((a, b) => a - b)[0],
    awaitsWord:
      registryHeardMs === undefined || confirmed.some((each) => isDue(each) && !isLost(each)),
    brakeReason: held.length === 0 ? "" : brakeText(held.length, sightings.length, weather),
  };
}

type Gone = Readonly<{
  workerId: string;
  kind: Departure;
  sinceMs: number;
  silent: boolean;
  dueMs: number;
  /** As it would be without the brake. */
  wouldBe?: Gone;
}>;

/** A worker that the registry does not count as up, and when it may be taken for lost. */
function toGone(sighting: Sighting, weather: Weather): readonly Gone[] {
  const { workerId, gone, silent, refused = false } = sighting;
  if (!gone) return [];
  const { leaseMs, steadySinceMs } = weather;
  const { kind, sinceMs } = gone;
  const graceMs = Math.max(graceOf(kind, leaseMs), refused ? RESTART_GRACE_MS : 0);
  const dueMs = Math.max(sinceMs + graceMs, steadySinceMs + leaseMs);
  return [{ workerId, kind, sinceMs, silent, dueMs }];
}

function graceOf(kind: Departure, leaseMs: number): number {
  if (kind === "down") return 0;
  return kind === "unheard" ? comebackMs(leaseMs) : leaseMs;
}

const comebackMs = (leaseMs: number): number => Math.max(leaseMs, COMEBACK_GRACE_MS);

/**
 * Whether the registry's word suffices. That a lease ran out stays true. That a worker has not come
 * back is known only from a registry that still spoke when it should have.
 */
const isTold = ({ kind, dueMs }: Gone, { registryHeardMs }: Weather): boolean =>
  registryHeardMs !== undefined && (kind === "down" || registryHeardMs >= dueMs);

/**
 * The same, each to be confirmed by a second period where very many went at once. Where one more
 * would make them very many, it is waited for that one.
 */
function withBrake(
  sightings: readonly Sighting[],
  gone: readonly Gone[],
  { nowMs, leaseMs }: Weather,
): readonly Gone[] {
  const fleet = { size: sightings.length, gone, leaseMs };
  const braked = new Set(brakedBy({ ...fleet, wentMs: sightings.flatMap(wentLastMs) }));
  const nearlyBraked = new Set(brakedBy({ ...fleet, wentMs: withOneMore(sightings, nowMs) }));
  return gone.map((each) => {
    if (braked.has(each))
      return { ...each, dueMs: each.dueMs + comebackMs(leaseMs), wouldBe: each };
    if (!nearlyBraked.has(each)) return each;
    return { ...each, dueMs: Math.max(each.dueMs, each.sinceMs + leaseMs * STRAGGLING_PER_LEASE) };
  });
}

const wentLastMs = ({ gone, wentMs }: Sighting): number | readonly [] =>
  gone?.sinceMs ?? wentMs ?? [];

/** When each went last if another went now: of those that are up the one that has been for longest. */
function withOneMore(sightings: readonly Sighting[], nowMs: number): readonly number[] {
  const upSinceMs = ({ wentMs = Number.NEGATIVE_INFINITY }: Sighting) => wentMs;
  let next: Sighting | undefined;
  for (const each of sightings)
    if (!each.gone && (!next || upSinceMs(each) < upSinceMs(next))) next = each;
  return sightings.flatMap((sighting) => (sighting === next ? nowMs : wentLastMs(sighting)));
}

type Departures = Readonly<{
  /** How many workers there are. */
  size: number;
  gone: readonly Gone[];
  /** When each worker went last that ever did. */
  wentMs: readonly number[];
  leaseMs: number;
}>;

/** Those who went together with so many others, back or not, that a second period must confirm it. */
function brakedBy({ size, gone, wentMs, leaseMs }: Departures): readonly Gone[] {
  if (wentMs.length < BRAKE_WORKERS_MIN) return [];
  const times = wentMs.toSorted((a, b) => a - b);
  const goneTimes = gone.map(({ sinceMs }) => sinceMs).toSorted((a, b) => a - b);
  return gone.filter(({ sinceMs }) => {
    const since = sinceMs - leaseMs;
    const together = countBelow(times, sinceMs + leaseMs + 1) - countBelow(times, since);
    // Who went long before and is not back is no part of the fleet any more.
    const fleetSize = size - countBelow(goneTimes, since);
    return together >= BRAKE_WORKERS_MIN && together * 2 > fleetSize;
  });
}

/** How many of the sorted numbers are below a limit. */
function countBelow(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? limit) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

const brakeText = (count: number, total: number, { leaseMs }: Weather): string =>
  `${count} of ${total} workers went at once: none is taken for lost before another ${comebackMs(leaseMs) / 1000} s`;

/**
 * When the attempts of a task on a worker that is lost since `lostMs` are lost. A task that stops
 * itself when its worker is cut off must have done so before there is another: that worker's
 * lease ran out before it was lost, so what is left is to stop.
 */
export function lossMs(task: Task, lostMs: number): number {
  if (task.spec?.onDisconnect !== OnDisconnect.STOP) return lostMs;
  const grace = task.stopGrace ?? task.spec.stopGrace;
  return lostMs + (grace ? toMillis(grace) : STOP_GRACE_DEFAULT_SECONDS * 1000) + DRIFT_MS;
}
