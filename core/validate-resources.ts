import type { TaskSpec } from "../gen/berth/v1/task_pb.ts";
import {
  AMOUNT_BYTES_MAX,
  CPU_MILLIS_MAX,
  CPU_MILLIS_MIN,
  MEMORY_BYTES_MIN,
  PIDS_MAX,
} from "./limits.ts";
import { type Violations, violation } from "./validate.ts";
import { checkCustomNeeds } from "./validate-custom.ts";
import { formatBytes, formatCpu } from "./validate-text.ts";

/** The rules for what is set aside and for what may be used. */
export function* checkResources({ reservation, limit, env }: TaskSpec): Violations {
  yield* checkRange("spec.reservation.cpu_millis", reservation?.cpuMillis, RESERVED_CPU);
  yield* checkRange("spec.reservation.memory_bytes", reservation?.memoryBytes, RESERVED_BYTES);
  yield* checkRange("spec.reservation.disk_bytes", reservation?.diskBytes, RESERVED_BYTES);
  yield* checkRange("spec.limit.cpu_millis", limit?.cpuMillis, LIMIT_CPU);
  yield* checkRange("spec.limit.memory_bytes", limit?.memoryBytes, LIMIT_MEMORY);
  yield* checkRange("spec.limit.pids", limit?.pids, LIMIT_PIDS);
  yield* checkCovered("cpu_millis", reservation?.cpuMillis, limit?.cpuMillis);
  yield* checkCovered("memory_bytes", reservation?.memoryBytes, limit?.memoryBytes);
  yield* checkCustomNeeds(reservation?.custom ?? {}, env);
}

type Range = Readonly<{ min: number; max: number; format: (value: number) => string }>;

const RESERVED_CPU: Range = { min: 0, max: CPU_MILLIS_MAX, format: formatCpu };
const RESERVED_BYTES: Range = { min: 0, max: AMOUNT_BYTES_MAX, format: formatBytes };
const LIMIT_CPU: Range = { min: CPU_MILLIS_MIN, max: CPU_MILLIS_MAX, format: formatCpu };
const LIMIT_MEMORY: Range = { min: MEMORY_BYTES_MIN, max: AMOUNT_BYTES_MAX, format: formatBytes };
const LIMIT_PIDS: Range = { min: 1, max: PIDS_MAX, format: String };

function* checkRange(field: string, value: bigint | undefined, range: Range): Violations {
  if (value === undefined || isWithin(value, range)) return;
  const { min, max, format } = range;
  const people = format === String ? "" : ` (${format(min)} to ${format(max)})`;
  yield violation(field, `is ${value}: must be ${min} to ${max}${people}, or left out`);
}

const isWithin = (value: bigint, { min, max }: Range): boolean => value >= min && value <= max;

/** What is promised must be usable. A limit that is itself wrong is not held against it. */
function* checkCovered(
  name: "cpu_millis" | "memory_bytes",
  reserved: bigint | undefined,
  limit: bigint | undefined,
): Violations {
  const range = name === "cpu_millis" ? LIMIT_CPU : LIMIT_MEMORY;
  if (reserved === undefined || limit === undefined || !isWithin(limit, range)) return;
  if (reserved <= limit || !isWithin(reserved, { ...range, min: 0 })) return;
  yield violation(
    `spec.reservation.${name}`,
    `is ${reserved}: must not exceed the limit, which is ${limit}`,
  );
}
