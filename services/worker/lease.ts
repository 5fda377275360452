import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";

/** Until when the cluster counts on this worker, as far as the worker can know. */
export interface Lease {
  /**
   * The registry has answered a word that was sent at `sentMs` of the monotonic clock. What counts
   * is when it was sent: the registry heard it later, so its lease ends later than this one.
   */
  renew(sentMs: number, leaseMs: number): void;
  /** Tells when the lease runs out and when it is renewed after that, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

type Deps = Readonly<{
  clock: Clock;
  log: Log;
  onLost: (message: string) => void;
  onRegained: () => void;
}>;

/**
 * The lease of a worker that has not reached its registry yet, from the start of its process: what
 * registries grant by default.
 */
export const LEASE_MS_ASSUMED = 4_000;

export function createLease({ clock, log, onLost, onRegained }: Deps): Lease {
  const renewed = createBell(clock);
  let lengthMs = LEASE_MS_ASSUMED;
  let endMs = clock.monotonic() + lengthMs;

  const leftMs = () => endMs - clock.monotonic();

  /** Waits while the lease lasts, however often it is renewed. */
  async function last(signal: AbortSignal): Promise<void> {
    while (leftMs() > 0 && !signal.aborted) await clock.sleep(leftMs(), signal);
  }

  async function beLost(signal: AbortSignal): Promise<void> {
    const message = `cut off: the registry has not answered for a lease of ${lengthMs / 1000} s`;
    log.warn({ leaseMs: lengthMs }, "lease lost");
    onLost(message);
    while (leftMs() <= 0 && !signal.aborted) await renewed.wait(signal);
    if (signal.aborted) return;
    log.info({ leaseMs: lengthMs }, "lease regained");
    onRegained();
  }

  return {
    renew(sentMs, leaseMs) {
      lengthMs = leaseMs;
      endMs = Math.max(endMs, sentMs + leaseMs);
      renewed.ring();
    },
    async run(signal) {
      while (!signal.aborted) {
        await last(signal);
        if (!signal.aborted) await beLost(signal);
      }
    },
  };
}
