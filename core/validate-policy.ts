import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  OnDisconnect,
  RestartMode,
  type RestartPolicy,
  type TaskSpec,
} from "../gen/berth/v1/task_pb.ts";
import {
  BACKOFF_SECONDS_MAX,
  PLACEMENT_TIMEOUT_SECONDS_MAX,
  PULL_TIMEOUT_SECONDS_MAX,
  RESTART_TIMES_MAX,
  START_TIMEOUT_SECONDS_MAX,
  TIMEOUT_SECONDS_MIN,
  WINDOW_SECONDS_MAX,
  WINDOW_SECONDS_MIN,
} from "./limits.ts";
import { toMillis } from "./time.ts";
import { checkEnum, type Violations, violation } from "./validate.ts";

/** The rules for what follows the end of an attempt, and for how long each step may take. */
export function* checkPolicy(spec: TaskSpec): Violations {
  yield* checkRestartPolicy(spec.restartPolicy);
  yield* checkEnum("spec.on_disconnect", spec.onDisconnect, OnDisconnect);
  yield* checkTimeout("placement_timeout", spec.placementTimeout, PLACEMENT_TIMEOUT_SECONDS_MAX);
  yield* checkTimeout("pull_timeout", spec.pullTimeout, PULL_TIMEOUT_SECONDS_MAX);
  yield* checkTimeout("start_timeout", spec.startTimeout, START_TIMEOUT_SECONDS_MAX);
}

const checkTimeout = (name: string, timeout: Duration | undefined, max: number): Violations =>
  checkSeconds(`spec.${name}`, timeout, { min: TIMEOUT_SECONDS_MIN, max });

function* checkRestartPolicy(policy: RestartPolicy | undefined): Violations {
  if (policy === undefined) return;
  const field = "spec.restart_policy";
  yield* checkEnum(`${field}.mode`, policy.mode, RestartMode);
  if (policy.mode === RestartMode.UNSPECIFIED || policy.mode === RestartMode.NO)
    return yield* checkNothingSet(field, policy);
  yield* checkWindow(field, policy);
  const backoff = { min: 0, max: BACKOFF_SECONDS_MAX };
  yield* checkSeconds(`${field}.backoff_first`, policy.backoffFirst, backoff);
  yield* checkSeconds(`${field}.backoff_max`, policy.backoffMax, backoff);
  yield* checkOrder(field, policy);
}

function* checkNothingSet(field: string, policy: RestartPolicy): Violations {
  const { restartsMax, window, backoffFirst, backoffMax } = policy;
  const settings = { restarts_max: restartsMax, window, backoff_first: backoffFirst };
  for (const [name, value] of Object.entries({ ...settings, backoff_max: backoffMax })) {
    if (value === undefined) continue;
    const text = typeof value === "number" ? value : formatSpan(value);
    const description = `is ${text} although the task is never restarted: leave it out or set a mode`;
    yield violation(`${field}.${name}`, description);
  }
}

function* checkWindow(field: string, { restartsMax, window }: RestartPolicy): Violations {
  if (window === undefined) return;
  const limits = { min: WINDOW_SECONDS_MIN, max: WINDOW_SECONDS_MAX };
  yield* checkSeconds(`${field}.window`, window, limits);
  if (restartsMax === undefined) {
    const description = `is ${formatSpan(window)} although there is no restarts_max to count in it`;
    yield violation(`${field}.window`, `${description}: set restarts_max or leave it out`);
  } else if (restartsMax > RESTART_TIMES_MAX) {
    const description = `is ${restartsMax}: must be at most ${RESTART_TIMES_MAX} with a window`;
    yield violation(`${field}.restarts_max`, description);
  }
}

function* checkOrder(field: string, { backoffFirst, backoffMax }: RestartPolicy): Violations {
  if (!backoffFirst || !backoffMax || toMillis(backoffFirst) <= toMillis(backoffMax)) return;
  const [first, max] = [backoffFirst, backoffMax].map(formatSpan);
  yield violation(`${field}.backoff_first`, `is ${first}: must be at most backoff_max, ${max}`);
}

function* checkSeconds(
  field: string,
  span: Duration | undefined,
  { min, max }: Readonly<{ min: number; max: number }>,
): Violations {
  if (span === undefined) return;
  const isNormal = span.nanos >= 0 && span.nanos < 1e9;
  const isShort = span.seconds < BigInt(min);
  const isLong = span.seconds > BigInt(max) || (span.seconds === BigInt(max) && span.nanos > 0);
  if (isNormal && !isShort && !isLong) return;
  yield violation(field, `is ${formatSpan(span)}: must be ${min} to ${max} s`);
}

const formatSpan = ({ seconds, nanos }: Duration): string =>
  nanos === 0 ? `${seconds} s` : `${seconds} s and ${nanos} ns`;
