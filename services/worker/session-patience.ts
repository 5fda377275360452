import type { Clock } from "../../lib/clock.ts";
import { reasonOf } from "../../lib/errors.ts";

/** How long a worker waits for words of its registry. */
export type Patience = Readonly<{
  /** For the answer to its registration. */
  termsMs: number;
  /** For the answer to a heartbeat, as a share of the lease; less and less, if all goes well. */
  answerShare: () => number;
}>;

/** How long the only registry may take to answer a registration. */
export const TERMS_MS_MAX = 10_000;

/** And one of several. It is connected by then, so it lives: after a loss it has many to answer. */
const TERMS_MS_MIN = 4_000;

/**
 * A worker that may go elsewhere does so while its lease still runs: at the slowest pace, a
 * heartbeat each half of a lease and a bit, a quarter is left to register.
 */
const ANSWER_SHARE_MIN = 0.25;

/** After so long without a loss, patience is as short as in the beginning. */
const CALM_MS = 30_000;

export interface Nerves {
  /** How patient to be with the next session. */
  patience(hasChoice: boolean): Patience;
  /** The session was lost for this reason. */
  lose(error: unknown): void;
}

/**
 * With a choice of registries a worker is impatient, and twice as patient each time that it left one
 * for being slow: where all are slow because all is, running to and fro makes it worse.
 */
export function createNerves(clock: Pick<Clock, "monotonic">): Nerves {
  let silences = 0;
  let lostMs = Number.NEGATIVE_INFINITY;
  const recentSilences = () => (clock.monotonic() - lostMs < CALM_MS ? silences : 0);
  return {
    patience: (hasChoice) =>
      hasChoice
        ? {
            termsMs: Math.min(TERMS_MS_MAX, TERMS_MS_MIN * 2 ** recentSilences()),
            answerShare: () => Math.min(1, ANSWER_SHARE_MIN * 2 ** recentSilences()),
          }
        : { termsMs: TERMS_MS_MAX, answerShare: () => 1 },
    lose(error) {
      silences = recentSilences() + (reasonOf(error) === "REGISTRY_SILENT" ? 1 : 0);
      lostMs = clock.monotonic();
    },
  };
}
