import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Attempt, containerOf, keyText } from "./attempt.ts";
import type { AttemptKey } from "./runtime.ts";
import type { Glance, UsageGlance } from "./usage-cgroup.ts";
import { UsageSamples } from "./usage-samples.ts";

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
  const table = createRingTable();
  const bell = createBell(clock);
  let lookedMs = clock.monotonic();
  let fullMs = lookedMs;

  function look({ containerId, samples }: Ring): void {
    const usage = glance(containerId);
    if (usage) samples.add(usage);
  }

  /** All that run now, as those know who hold them; what is not held any more is forgotten. */
  function takeStock(): void {
    fullMs = clock.monotonic();
    const held = attempts();
    for (const attempt of held) if (isRunning(attempt)) table.begin(attempt, fullMs);
    table.keepOnly(held);
  }

  async function lookAtDue(signal: AbortSignal): Promise<void> {
    lookedMs = clock.monotonic();
    const isFull = lookedMs - fullMs >= PAUSE_MS;
    if (isFull) takeStock();
    const young = table.young(lookedMs - YOUNG_MS);
    const due = isFull ? table.running() : young;
    for (let first = 0; first < due.length && !signal.aborted; first += BATCH) {
      if (first > 0) await clock.turn();
      due.slice(first, first + BATCH).forEach(look);
    }
  }

  /** Undefined while nothing runs: then only a start is waited for. */
  function pauseMs(): number | undefined {
    if (table.running().length === 0) return undefined;
    return table.young(clock.monotonic() - YOUNG_MS).length > 0 ? YOUNG_PAUSE_MS : PAUSE_MS;
  }

  return {
    note(attempt) {
      if (!isRunning(attempt)) return table.end(attempt);
      const ring = table.begin(attempt, clock.monotonic());
      if (!ring) return;
      look(ring);
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
    of: (key) => table.find(key)?.samples.list() ?? [],
  };
}

/** Whether it has a container that has started and, for all that is known, not ended. */
const isRunning = ({ stage }: Attempt): boolean =>
  stage.kind === "running" || stage.kind === "stopping";

type Ring = Readonly<{ containerId: string; startMs: number; samples: UsageSamples }>;

/** The rings of all attempts held that were ever seen running, by the text of their keys. */
function createRingTable() {
  const rings = new Map<string, Ring>();
  const running = new Map<string, Ring>();
  /** Those seen running a moment ago, the eldest first. */
  const young = new Map<string, Ring>();

  function end(text: string): void {
    running.delete(text);
    young.delete(text);
  }

  return {
    find: (key: AttemptKey): Ring | undefined => rings.get(keyText(key)),
    running: (): readonly Ring[] => [...running.values()],
    /** Those that began after a moment, and are asked about no earlier one. */
    young(afterMs: number): readonly Ring[] {
      for (const [text, { startMs }] of young) {
        if (startMs > afterMs) break;
        young.delete(text);
      }
      return [...young.values()];
    },
    /** Nothing to do where it has begun. */
    begin({ key, stage }: Attempt, startMs: number): Ring | undefined {
      const text = keyText(key);
      if (rings.has(text)) return undefined;
      const containerId = containerOf(stage)?.id ?? "";
      const ring = { containerId, startMs, samples: new UsageSamples(SAMPLES_MAX, SPAN_MS) };
      for (const map of [rings, running, young]) map.set(text, ring);
      return ring;
    },
    end: ({ key }: Attempt): void => end(keyText(key)),
    keepOnly(held: readonly Attempt[]): void {
      const stays = new Map(held.map((attempt) => [keyText(attempt.key), isRunning(attempt)]));
      for (const text of rings.keys()) {
        if (!stays.get(text)) end(text);
        if (!stays.has(text)) rings.delete(text);
      }
    },
  };
}
