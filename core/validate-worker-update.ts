import { create } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { UpdateWorkerRequest } from "../gen/berth/v1/manager_service_pb.ts";
import {
  WorkerAvailability,
  type WorkerSettings,
  WorkerSettingsSchema,
} from "../gen/berth/v1/worker_pb.ts";
import {
  CPU_OVERCOMMIT_PERCENT_MAX,
  MEMORY_OVERCOMMIT_PERCENT_MAX,
  OVERCOMMIT_PERCENT_MIN,
} from "./limits.ts";
import { type FieldViolation, type Violations, validateId, violation } from "./validate.ts";
import { checkLabels } from "./validate-labels.ts";
import { characterCount, hasNul, quote } from "./validate-text.ts";
import { readSettingsPath, type SettingsPath } from "./worker-settings.ts";

/** As the contract says of `WorkerSettings.reason`. */
const REASON_CHARACTERS_MAX = 256;

/** As the contract says of `WorkerSettings.drain_timeout`. */
const DRAIN_TIMEOUT_SECONDS_MAX = 30 * 24 * 3600;

/** As the contract says of the newer requests' IDs. */
const REQUEST_ID_LENGTH_MAX = 64;

/** Fields that may be changed, and entries of labels: far more paths than that are a mistake. */
const PATHS_MAX = 256;

/** What an update asks for, or everything that is wrong with it. */
export type UpdateReading =
  | Readonly<{ kind: "read"; given: WorkerSettings; paths: readonly SettingsPath[] }>
  | Readonly<{ kind: "refused"; violations: readonly FieldViolation[] }>;

export function readUpdate(request: UpdateWorkerRequest): UpdateReading {
  const given = request.settings ?? create(WorkerSettingsSchema);
  const mask = request.updateMask?.paths ?? [];
  const paths = mask.flatMap(readSettingsPath);
  const violations = [
    ...validateId("worker_id", request.workerId),
    ...checkShortRequestId(request.requestId),
    ...checkMask(mask),
    ...checkSettings(given, paths),
  ];
  return violations.length > 0 ? { kind: "refused", violations } : { kind: "read", given, paths };
}

/** The request ID of a call whose contract allows fewer characters than SubmitTask's. */
export function* checkShortRequestId(requestId: string): Violations {
  if (/^[ -~]*$/.test(requestId) && requestId.length <= REQUEST_ID_LENGTH_MAX) return;
  yield violation(
    "request_id",
    `is ${quote(requestId)}: must be at most ${REQUEST_ID_LENGTH_MAX} printable ASCII characters`,
  );
}

function* checkMask(mask: readonly string[]): Violations {
  if (mask.length === 0) yield violation("update_mask", "is required: name the fields to change");
  if (mask.length > PATHS_MAX) {
    yield violation("update_mask", `has ${mask.length} paths: must be at most ${PATHS_MAX}`);
    return;
  }
  for (const path of mask) {
    if (path === "update_time")
      yield violation("update_mask", "names update_time, which the manager writes: leave it out");
    else if (readSettingsPath(path).length === 0)
      yield violation(
        "update_mask",
        `names ${quote(path)}: must be availability, labels, labels.KEY, reason, drain_timeout, ` +
          "cpu_overcommit_percent, memory_overcommit_percent or *",
      );
  }
}

/** Only what is named takes effect, so only that is looked at. */
function* checkSettings(given: WorkerSettings, paths: readonly SettingsPath[]): Violations {
  const named = new Set(paths.map((path) => (path.kind === "field" ? path.field : "labels")));
  if (named.has("availability")) yield* checkAvailability(given.availability);
  if (named.has("labels")) yield* checkLabels("settings.labels", given.labels);
  if (named.has("reason")) yield* checkReason(given.reason);
  if (named.has("drain_timeout")) yield* checkDrainTimeout(given.drainTimeout);
  if (named.has("cpu_overcommit_percent"))
    yield* checkOvercommit("cpu", given.cpuOvercommitPercent, CPU_OVERCOMMIT_PERCENT_MAX);
  if (named.has("memory_overcommit_percent"))
    yield* checkOvercommit("memory", given.memoryOvercommitPercent, MEMORY_OVERCOMMIT_PERCENT_MAX);
}

function* checkOvercommit(name: string, percent: number | undefined, max: number): Violations {
  if (percent === undefined || (percent >= OVERCOMMIT_PERCENT_MIN && percent <= max)) return;
  const remedy =
    percent < OVERCOMMIT_PERCENT_MIN ? ": to offer less, start it with another capacity" : "";
  yield violation(
    `settings.${name}_overcommit_percent`,
    `is ${percent}: must be ${OVERCOMMIT_PERCENT_MIN} to ${max}${remedy}`,
  );
}

const AVAILABILITIES: readonly WorkerAvailability[] = [
  WorkerAvailability.ACTIVE,
  WorkerAvailability.PAUSED,
  WorkerAvailability.DRAINING,
];

function* checkAvailability(value: WorkerAvailability): Violations {
  if (AVAILABILITIES.includes(value)) return;
  const names = AVAILABILITIES.map((each) => `${each} (${WorkerAvailability[each]})`).join(", ");
  yield violation("settings.availability", `is ${value}: must be one of ${names}`);
}

function* checkReason(reason: string): Violations {
  const count = characterCount(reason);
  if (count > REASON_CHARACTERS_MAX)
    yield violation(
      "settings.reason",
      `has ${count} characters: must be at most ${REASON_CHARACTERS_MAX}`,
    );
  if (hasNul(reason)) yield violation("settings.reason", "has a NUL character: leave it out");
}

function* checkDrainTimeout(timeout: Duration | undefined): Violations {
  if (timeout === undefined || isDrainTimeout(timeout)) return;
  yield violation(
    "settings.drain_timeout",
    `is ${timeout.seconds} s and ${timeout.nanos} ns: must be 0 to ${DRAIN_TIMEOUT_SECONDS_MAX} s`,
  );
}

function isDrainTimeout({ seconds, nanos }: Duration): boolean {
  if (seconds < 0n || nanos < 0 || nanos >= 1e9) return false;
  const max = BigInt(DRAIN_TIMEOUT_SECONDS_MAX);
  return seconds < max || (seconds === max && nanos === 0);
}
