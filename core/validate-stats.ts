import type { Duration } from "@bufbuild/protobuf/wkt";
import { STATS_INTERVAL_SECONDS_MAX, STATS_TASKS_MAX } from "./limits.ts";
import { toMillis } from "./time.ts";
import { type FieldViolation, validateId, violation } from "./validate.ts";

const SECOND_MS = 1_000;

/** Whose figures are wanted, by ID. May be empty. */
export function validateStatsTasks(taskIds: readonly string[]): readonly FieldViolation[] {
  if (taskIds.length > STATS_TASKS_MAX) {
    const rest = `name at most ${STATS_TASKS_MAX}, or none for all`;
    return [violation("task_ids", `has ${taskIds.length} entries: ${rest}`)];
  }
  return taskIds.flatMap((taskId, at) => validateId(`task_ids[${at}]`, taskId));
}

/** The time between two rounds of figures. May be absent. */
export function validateStatsInterval(interval: Duration | undefined): readonly FieldViolation[] {
  if (interval === undefined) return [];
  const ms = toMillis(interval);
  if (ms >= SECOND_MS && ms <= STATS_INTERVAL_SECONDS_MAX * SECOND_MS) return [];
  const range = `must be 1 to ${STATS_INTERVAL_SECONDS_MAX} s`;
  return [violation("interval", `is ${ms / SECOND_MS} s: ${range}`)];
}

/** A second where none was asked for. */
export const statsIntervalMs = (interval: Duration | undefined): number =>
  interval ? toMillis(interval) : SECOND_MS;
