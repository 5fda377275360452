import type { Attempt, Trouble } from "./attempt.ts";
import { RuntimeError } from "./runtime.ts";

/** What the next failed try of a step amounts to. The words are the same for every try. */
export function troubleAfter(attempt: Attempt, error: unknown, nowMs: number): Trouble {
  const { stage, trouble } = attempt;
  const isSilence = !(error instanceof RuntimeError) || error.kind === "engine-unavailable";
  return {
    sinceMs: trouble?.sinceMs ?? nowMs,
    words: error instanceof Error ? error.message : String(error),
    isStopTimeout: trouble?.isStopTimeout || (stage.kind === "stopping" && !isSilence),
  };
}
