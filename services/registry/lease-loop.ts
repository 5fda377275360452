import type { Clock } from "../../lib/clock.ts";
import { LEASE_SHARE_MAX } from "./pace.ts";
import type { Roster } from "./roster.ts";

/**
 * How late a timer may be before it is the registry that was away: a paused process, a machine
 * that slept, a long collection of garbage. Timers of an idle process are late by 1 or 2 ms.
 */
const STALL_MS_MIN = 500;

/**
 * After a stall every worker has this share of a lease to be heard in, the longest interval that is
 * asked for: what it sent meanwhile may be lost with its connection.
 */
const GRACE_PER_LEASE = LEASE_SHARE_MAX;

/**
 * How many turns of the event loop are given to what already waits in the sockets. Node runs
 * timers before it reads: without this a heartbeat that came in time would be too late.
 */
const DRAIN_TURNS = 3;

type Deps = Readonly<{
  roster: Pick<Roster, "earliestLeaseEnd" | "expire" | "forgive">;
  clock: Clock;
  leaseMs: number;
}>;

/** Ends every lease when it has run out, until `signal` aborts. Sleeps from one end to the next. */
export async function runLeaseLoop(deps: Deps, signal: AbortSignal): Promise<void> {
  const { roster, clock, leaseMs } = deps;
  while (!signal.aborted) {
    // A lease that begins while nobody is here cannot end earlier than that.
    const dueMs = roster.earliestLeaseEnd() ?? clock.monotonic() + leaseMs;
    await clock.sleep(dueMs - clock.monotonic(), signal);
    const lateMs = clock.monotonic() - dueMs;
    if (lateMs >= STALL_MS_MIN) {
      roster.forgive(lateMs);
      await clock.sleep(leaseMs * GRACE_PER_LEASE, signal);
    }
    for (let i = 0; i < DRAIN_TURNS; i++) await clock.turn();
    if (!signal.aborted) roster.expire();
  }
}
