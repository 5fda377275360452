import type { Duration } from "@bufbuild/protobuf/wkt";
import { toMillis } from "../../core/time.ts";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import type { Attempt, Ended, Stage, Trouble } from "./attempt.ts";
import { failed } from "./attempt-outcome.ts";

/** How long what is under way may take. */
export type Deadline = Readonly<{
  /** By the monotonic clock. */
  dueMs: number;
  /** Where the attempt ends when the deadline has passed. */
  end: () => Ended;
}>;

/** What specs get that do not say, by the contract's `pull_timeout` and `start_timeout`. */
export const PULL_MS_DEFAULT = 600_000;
export const START_MS_DEFAULT = 120_000;

/** How long the end of an attempt waits for the removal of its container, once that has failed. */
export const REMOVE_TROUBLE_MS_MAX = 10_000;

/** Stages that are one effort share a deadline, and whatever they wait for counts. */
export type Effort = "pull" | "start" | "other";

export function effortOf(stage: Stage): Effort {
  switch (stage.kind) {
    case "pulling":
      return "pull";
    case "creating":
    case "starting":
    case "confirming":
      return "start";
    case "held":
    case "running":
    case "searching":
    case "stopping":
    case "removing":
    case "ended":
      return "other";
  }
}

/**
 * When an attempt must be done with what it is about. Undefined where it waits for as long as it
 * takes: nothing is known of a running container for certain until the engine speaks.
 */
export function deadlineOf(attempt: Attempt): Deadline | undefined {
  const { stage, wish, trouble } = attempt;
  if (stage.kind === "removing")
    return (
      trouble && {
        dueMs: trouble.sinceMs + REMOVE_TROUBLE_MS_MAX,
        end: () => ({ ...stage, kind: "ended", remains: "unwanted" }),
      }
    );
  if (wish.kind === "stop") return undefined;
  switch (effortOf(stage)) {
    case "pull":
      return pullDeadline(attempt);
    case "start":
      return startDeadline(attempt);
    case "other":
      return undefined;
  }
}

function pullDeadline({ spec, effortMs, trouble }: Attempt): Deadline {
  const limitMs = millisOr(spec?.pullTimeout, PULL_MS_DEFAULT);
  const end = (): Ended => {
    const words = `pulling ${spec?.image} did not finish within ${spanText(limitMs)}`;
    const outcome = failed(FailureReason.IMAGE_PULL_FAILED, words + because(trouble));
    return { kind: "ended", outcome, container: undefined, remains: "gone" };
  };
  return { dueMs: effortMs + limitMs, end };
}

function startDeadline({ spec, stage, effortMs, trouble }: Attempt): Deadline {
  const limitMs = millisOr(spec?.startTimeout, START_MS_DEFAULT);
  const end = (): Ended => {
    const words = `the container did not start within ${spanText(limitMs)}`;
    const outcome = failed(FailureReason.START_TIMEOUT, words + because(trouble));
    const container = "container" in stage ? stage.container : undefined;
    return { kind: "ended", outcome, container, remains: "unwanted" };
  };
  return { dueMs: effortMs + limitMs, end };
}

const because = (trouble: Trouble | undefined) => (trouble ? `: ${trouble.words}` : "");

const millisOr = (span: Duration | undefined, fallbackMs: number) =>
  span ? toMillis(span) : fallbackMs;

const UNITS = [
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** A span in the greatest unit that it is a whole number of: `10 min`, `90 s`. */
function spanText(ms: number): string {
  const [name, unitMs] = UNITS.find(([, size]) => ms >= size && ms % size === 0) ?? ["ms", 1];
  return `${ms / unitMs} ${name}`;
}
