import { isVitalNews, type Vitals } from "../../core/vitals.ts";
import { FailureReason, Health } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createTurnstile } from "../../lib/turnstile.ts";
import { type Attempt, attemptFields, keyText } from "./attempt.ts";
import type { AttemptDriver } from "./attempt-driver.ts";
import type { ProbeCalls } from "./prober-calls.ts";
import { type ProbeDeps, runProbes } from "./prober-loop.ts";
import { ageOf, vitalsOf } from "./prober-vitals.ts";
import type { AttemptKey } from "./runtime.ts";

/** Watches over all running containers that have probes. */
export interface Ward {
  /** Takes note of where an attempt stands: one that began to run is probed, no other is. */
  attend(attempt: Attempt): void;
}

type Driver = Pick<AttemptDriver, "current" | "feel" | "fail">;

type Deps = Readonly<{
  calls: ProbeCalls;
  find: (key: AttemptKey) => Driver | undefined;
  clock: Clock;
  random: Random;
  log: Log;
  onBug: (error: unknown) => void;
  /** Ends all watching. */
  signal: AbortSignal;
}>;

/** Questions asked over the network at the same time; each may wait for its whole timeout. */
const QUESTIONS_MAX = 128;

/** Commands begun at the same time: each costs the engine about as much as a start. */
const COMMANDS_MAX = 8;

type Stay = Readonly<{
  containerId: string;
  startTimeMs: number | undefined;
  end: AbortController;
}>;

export function createWard(deps: Deps): Ward {
  const stays = new Map<string, Stay>();
  const turnstiles = {
    network: createTurnstile(QUESTIONS_MAX),
    exec: createTurnstile(COMMANDS_MAX),
  };
  const probes: ProbeDeps = { ...deps, turnstiles };
  deps.signal.addEventListener("abort", () => {
    for (const { end } of stays.values()) end.abort(OVER);
    stays.clear();
  });

  return {
    attend(attempt) {
      const { key, stage, orders } = attempt;
      const name = keyText(key);
      const known = stays.get(name);
      if (isSameLife(known, attempt)) return;
      known?.end.abort(OVER);
      stays.delete(name);
      const { probing } = orders;
      if (stage.kind !== "running" || !probing || deps.signal.aborted) return;
      const { id: containerId, startTimeMs } = stage.container;
      const end = new AbortController();
      stays.set(name, { containerId, startTimeMs, end });
      const begin = { ...attempt, vitals: undefined };
      // Somebody restarted the container: what was known of it was another life.
      if (attempt.vitals) deps.find(key)?.feel(vitalsOf(begin));
      const patient = {
        key,
        plan: probing.plan,
        containerId,
        ...lookUp(deps, key),
        ...ageOf(begin),
      };
      const onVitals = (vitals: Vitals) => tell(deps, key, vitals);
      runProbes(patient, { ...probes, onVitals }, end.signal).catch(deps.onBug);
    },
  };
}

/** Given to `abort`, which makes an error with a stack for each call that has no reason. */
const OVER = "over";

const isSameLife = (stay: Stay | undefined, { stage }: Attempt): boolean =>
  stay !== undefined &&
  stage.kind === "running" &&
  stay.containerId === stage.container.id &&
  stay.startTimeMs === stage.container.startTimeMs;

const lookUp = ({ find }: Deps, key: AttemptKey) => ({
  address() {
    const stage = find(key)?.current().stage;
    return stage?.kind === "running" ? (stage.container.address ?? "") : "";
  },
});

function tell({ find, log }: Deps, key: AttemptKey, vitals: Vitals): void {
  const driver = find(key);
  if (!driver) return;
  const before = vitalsOf(driver.current());
  const { health, ready, probeMessage } = vitals;
  if (isVitalNews(before, vitals)) {
    const fields = { ...attemptFields(driver.current()), health: Health[health], ready };
    log.info({ ...fields, probeMessage }, "attempt health changed");
  }
  driver.feel(vitals);
  const graceMs = driver.current().orders.probing?.graceMs ?? 0;
  if (health === Health.UNHEALTHY)
    driver.fail({ reason: FailureReason.UNHEALTHY, message: probeMessage }, graceMs);
}
