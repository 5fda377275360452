import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Attempt, containerOf, keyText } from "./attempt.ts";
import type { AttemptKey } from "./runtime.ts";
import type { Glance, UsageGlance } from "./usage-cgroup.ts";

/** Keeps what every attempt used in its last minute, for as long as the worker holds the attempt. */
export interface UsageRings {
  /** An attempt is where it was not before. */
  note(attempt: Attempt): void;
  /** Looks at all that run until `signal` aborts. Sleeps while nothing does. */
  run(signal: AbortSignal): Promise<void>;
  /** The oldest first. Empty where it was never seen running. */
  of(key: AttemptKey): readonly UsageGlance[];
}

type Deps = Readonly<{
  glance: Glance;
  /** Every attempt held, ended ones included. */
  attempts: () => readonly Attempt[];
  clock: Clock;
}>;

/** How far back what is kept goes. */
const SPAN_MS = 60_000;

/** What begins may end soon: it is looked at this often for as long as it is young. */
const YOUNG_PAUSE_MS = 1_000;
const YOUNG_MS = 10_000;

/** How often all others are looked at, together. */
const PAUSE_MS = 5_000;

/** A minute of the one after ten seconds of the other, and some. */
const SAMPLES_MAX = 24;

/** Containers looked at in one turn of the event loop: some milliseconds. */
const BATCH = 64;

/**
 * One look at all containers every few seconds, by the kernel's own files: what it costs does not
 * depend on whether anybody will ask. Where the machine does not show them nothing is kept.
 */
export function createUsageRings({ glance, attempts, clock }: Deps): UsageRings {
  const rings = createRingTable(clock);
  const bell = createBell(clock);
  let lookedMs = clock.monotonic();
  let fullMs = lookedMs;

  function look({ key, stage }: Attempt): void {
    const usage = glance(containerOf(stage)?.id ?? "");
    if (usage) rings.add(key, usage);
  }

  async function lookAtDue(signal: AbortSignal): Promise<void> {
    const held = attempts();
    lookedMs = clock.monotonic();
    const isFull = lookedMs - fullMs >= PAUSE_MS;
    if (isFull) {
      fullMs = lookedMs;
      rings.keepOnly(held);
    }
    const due = held.filter((each) => isRunning(each) && (isFull || rings.isYoung(each.key)));
    for (let first = 0; first < due.length && !signal.aborted; first += BATCH) {
      if (first > 0) await clock.turn();
      due.slice(first, first + BATCH).forEach(look);
    }
  }

  /** Undefined while nothing runs: then only a start is waited for. */
  function pauseMs(): number | undefined {
    const running = attempts().filter(isRunning);
    if (running.length === 0) return undefined;
    return running.some(({ key }) => rings.isYoung(key)) ? YOUNG_PAUSE_MS : PAUSE_MS;
  }

  return {
    note(attempt) {
      if (attempt.stage.kind !== "running" || rings.has(attempt.key)) return;
      look(attempt);
      bell.ring();
    },
    async run(signal) {
      while (!signal.aborted) {
        await bell.wait(signal, pauseMs());
        // However many begin, they are looked at together.
        const restMs = lookedMs + YOUNG_PAUSE_MS - clock.monotonic();
        if (restMs > 0) await clock.sleep(restMs, signal);
        await lookAtDue(signal);
      }
    },
    of: rings.of,
  };
}

/** Whether it has a container that has started and, for all that is known, not ended. */
const isRunning = ({ stage }: Attempt): boolean =>
  stage.kind === "running" || stage.kind === "stopping";

type Ring = { readonly startMs: number; readonly samples: UsageGlance[] };

function createRingTable(clock: Clock) {
  const rings = new Map<string, Ring>();

  function begin(key: AttemptKey): Ring {
    const ring = { startMs: clock.monotonic(), samples: [] };
    rings.set(keyText(key), ring);
    return ring;
  }

  return {
    add(key: AttemptKey, usage: UsageGlance): void {
      const { samples } = rings.get(keyText(key)) ?? begin(key);
      samples.push(usage);
      const isOld = ({ takenMs }: UsageGlance) => takenMs < usage.takenMs - SPAN_MS;
      while (samples.length > SAMPLES_MAX || samples.some(isOld)) samples.shift();
    },
    has: (key: AttemptKey): boolean => rings.has(keyText(key)),
    of: (key: AttemptKey): readonly UsageGlance[] => rings.get(keyText(key))?.samples ?? [],
    /** Whether it was first seen running a moment ago. */
    isYoung(key: AttemptKey): boolean {
      const ring = rings.get(keyText(key));
      return ring !== undefined && clock.monotonic() - ring.startMs < YOUNG_MS;
    },
    keepOnly(held: readonly Attempt[]): void {
      const keys = new Set(held.map(({ key }) => keyText(key)));
      for (const key of rings.keys()) if (!keys.has(key)) rings.delete(key);
    },
  };
}
