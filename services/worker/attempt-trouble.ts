import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import type { Attempt, Ended, Trouble } from "./attempt.ts";
import { failed } from "./attempt-outcome.ts";
import { RuntimeError } from "./runtime.ts";

/**
 * How long a start is repeated in vain before the attempt fails, so that the task can go
 * elsewhere. Counts from the first failed try of a step: waiting for other starts and pulls,
 * which have their own deadlines, are no trouble.
 */
export const START_TROUBLE_MS_MAX = 120_000;

/** How long the end of an attempt waits for the removal of its container. */
export const REMOVE_TROUBLE_MS_MAX = 10_000;

/** What the next failed try of a step amounts to. The message is the same for every try. */
export function troubleAfter(attempt: Attempt, error: unknown, nowMs: number): Trouble {
  const { stage, trouble } = attempt;
  const isSilence = !(error instanceof RuntimeError) || error.kind === "engine-unavailable";
  const words = error instanceof Error ? error.message : String(error);
  return {
    sinceMs: trouble?.sinceMs ?? nowMs,
    message: `trying again: ${words}`,
    isStopTimeout: trouble?.isStopTimeout || (stage.kind === "stopping" && !isSilence),
  };
}

/** Where an attempt ends whose trouble has lasted too long; undefined while patience holds. */
export function endOfPatience(attempt: Attempt, nowMs: number): Ended | undefined {
  const { stage, trouble } = attempt;
  if (!trouble) return undefined;
  const lastedMs = nowMs - trouble.sinceMs;
  switch (stage.kind) {
    case "pulling":
    case "creating":
    case "starting":
    case "confirming": {
      if (lastedMs < START_TROUBLE_MS_MAX) return undefined;
      const message = `not started within ${START_TROUBLE_MS_MAX / 1000} s of ${trouble.message}`;
      const container = "container" in stage ? stage.container : undefined;
      const outcome = failed(FailureReason.START_TIMEOUT, message);
      return { kind: "ended", outcome, container, remains: "unwanted" };
    }
    case "removing":
      if (lastedMs < REMOVE_TROUBLE_MS_MAX) return undefined;
      return { ...stage, kind: "ended", remains: "unwanted" };
    case "held":
    case "running":
    case "searching":
    case "stopping":
    case "ended":
      // Nothing is known for certain until the engine speaks: these wait for as long as it takes.
      return undefined;
  }
}
