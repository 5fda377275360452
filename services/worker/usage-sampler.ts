import type { Clock } from "../../lib/clock.ts";
import { type Attempt, containerOf } from "./attempt.ts";
import type { ContainerUsage, Runtime, UsageSubject } from "./runtime.ts";

/** What an attempt's container uses, or why that could not be measured. */
export type Sample = Readonly<{
  attempt: Attempt;
  measured:
    | Readonly<{ kind: "usage"; usage: ContainerUsage }>
    /** It does not run, or did not a moment ago. */
    | Readonly<{ kind: "absent" }>
    | Readonly<{ kind: "failed"; message: string }>;
}>;

/** Measures containers for whoever asks. Nothing is measured while nobody does. */
export interface UsageSampler {
  /** One sample for each attempt that has a container, in their order. Never rejects. */
  sample(attempts: readonly Attempt[]): Promise<readonly Sample[]>;
}

type Deps = Readonly<{ runtime: Pick<Runtime, "usage">; clock: Clock }>;

type Measured = Sample["measured"];
type Shared = Readonly<{ takenMs: number; measured: Promise<Measured> }>;

/** Who asks within this time of another gets the same measurement. */
export const SHARED_MS = 500;

/** Containers measured in one turn of the event loop: some 8 ms where files tell. */
const BATCH = 32;

export function createUsageSampler({ runtime, clock }: Deps): UsageSampler {
  const latest = new Map<string, Shared>();

  function measure(subject: UsageSubject): Promise<Measured> {
    const { containerId } = subject;
    const known = latest.get(containerId);
    const takenMs = clock.monotonic();
    if (known && takenMs - known.takenMs < SHARED_MS) return known.measured;
    const measured = runtime.usage(subject).then(measuredOf, failed);
    // The oldest stays first, where the sweep begins.
    latest.delete(containerId);
    latest.set(containerId, { takenMs, measured });
    return measured;
  }

  function sweep(): void {
    const oldMs = clock.monotonic() - SHARED_MS;
    for (const [containerId, { takenMs }] of latest) {
      if (takenMs > oldMs) return;
      latest.delete(containerId);
    }
  }

  return {
    async sample(attempts) {
      const running = attempts.filter(isRunning);
      const samples: Sample[] = [];
      for (let first = 0; first < running.length; first += BATCH) {
        const batch = running.slice(first, first + BATCH);
        const measured = await Promise.all(batch.map((attempt) => measure(subjectOf(attempt))));
        measured.forEach((each, i) => {
          const attempt = batch[i];
          if (attempt) samples.push({ attempt, measured: each });
        });
        if (first + BATCH < running.length) await clock.turn();
      }
      sweep();
      return samples;
    },
  };
}

const measuredOf = (usage: ContainerUsage | undefined): Measured =>
  usage ? { kind: "usage", usage } : { kind: "absent" };

const failed = (error: unknown): Measured => ({
  kind: "failed",
  message: error instanceof Error ? error.message : String(error),
});

/** Whether the attempt has a container that has started and, for all that is known, not ended. */
const isRunning = ({ stage }: Attempt): boolean =>
  stage.kind === "running" || stage.kind === "stopping";

/** The address of a container on the machine's own network is the machine's. */
const MACHINE = "127.0.0.1";

function subjectOf({ stage }: Attempt): UsageSubject {
  const { id = "", address } = containerOf(stage) ?? {};
  return { containerId: id, hasNetwork: address !== undefined && address !== MACHINE };
}
