import { restartDelayMs, restartsAfter } from "../../core/restart.ts";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import type { StartOrder } from "./assignment-reading.ts";
import { type Ended, keyText, type Outcome } from "./attempt.ts";
import type { AttemptKey } from "./runtime.ts";

/** Attempts that ended by themselves and are to run again, which no manager can decide just now. */
export interface Reruns {
  /** When, by the monotonic clock; undefined: never. */
  dueMs(order: StartOrder, end: Ended): number | undefined;
  /** It is begun. */
  begin(key: AttemptKey): void;
}

type Rerun = Readonly<{
  count: number;
  /** In a row, the one that waits included. */
  failures: number;
  /** Undefined while it runs. */
  dueMs: number | undefined;
}>;

const FIRST: Rerun = { count: 0, failures: 0, dueMs: undefined };

type Deps = Readonly<{ clock: Pick<Clock, "monotonic">; random: Random }>;

/** By the task's restart policy, at the pace that a manager would keep. Counts from now on. */
export function createReruns({ clock, random }: Deps): Reruns {
  const reruns = new Map<string, Rerun>();

  function begin(key: AttemptKey): void {
    const { count, failures } = reruns.get(keyText(key)) ?? FIRST;
    reruns.set(keyText(key), { count: count + 1, failures, dueMs: undefined });
  }

  function plan({ request }: StartOrder, outcome: Outcome, known: Rerun): number {
    const failures = ranStably(outcome) ? 1 : known.failures + 1;
    const delayMs = restartDelayMs(request.spec?.restartPolicy, failures, random());
    const dueMs = clock.monotonic() + delayMs;
    reruns.set(keyText(request), { ...known, failures, dueMs });
    return dueMs;
  }

  return {
    dueMs(order, { outcome }) {
      const known = reruns.get(keyText(order.request)) ?? FIRST;
      if (known.dueMs !== undefined) return known.dueMs;
      return isWanted(order, outcome, known.count) ? plan(order, outcome, known) : undefined;
    },
    begin,
  };
}

/** Whether the policy wants another run, of which there were so many already. */
function isWanted({ request, restartsLeft }: StartOrder, outcome: Outcome, count: number): boolean {
  if (restartsLeft !== undefined && count >= restartsLeft) return false;
  const mode = request.spec?.restartPolicy?.mode;
  return !isAwayByOrder(outcome) && restartsAfter(mode, outcome.state);
}

/** It must not run while the worker is cut off. */
const isAwayByOrder = ({ failure }: Outcome) => failure?.reason === FailureReason.DISCONNECTED;

/** As long as a manager would count as a success. */
const STABLE_RUN_MS = 60_000;

const ranStably = ({ exit }: Outcome): boolean =>
  exit?.startTimeMs !== undefined &&
  exit.finishTimeMs !== undefined &&
  exit.finishTimeMs - exit.startTimeMs >= STABLE_RUN_MS;
