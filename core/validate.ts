import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  ID_LENGTH_MAX,
  NAME_LENGTH_MAX,
  PAGE_SIZE_DEFAULT,
  PAGE_SIZE_MAX,
  REQUEST_ID_LENGTH_MAX,
  STOP_GRACE_SECONDS_MAX,
} from "./limits.ts";
import { quote } from "./validate-text.ts";

/** A field that is not as it must be: its path, and a sentence with the value and the remedy. */
export type FieldViolation = Readonly<{ field: string; description: string }>;

/** Violations as they are found. A rule yields what it objects to; most yield nothing. */
export type Violations = Generator<FieldViolation, void, undefined>;

export const violation = (field: string, description: string): FieldViolation => ({
  field,
  description,
});

/** Numbers that this version of the contract does not know are refused, never ignored. */
export function* checkEnum(
  field: string,
  value: number,
  known: Readonly<Record<number, string>>,
): Violations {
  if (known[value] !== undefined) return;
  const values = Object.entries(known).filter(([key]) => /^[0-9]+$/.test(key));
  const names = values.map(([number, name]) => `${number} (${name})`).join(", ");
  yield violation(field, `is ${value}: must be one of ${names}`);
}

/** Whether a text is a DNS label in lower case. */
export const isLabel = (text: string): boolean =>
  text.length <= NAME_LENGTH_MAX && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(text);

/** The ID of a task, a worker or a cluster. Required. */
export function validateId(field: string, id: string): readonly FieldViolation[] {
  if (/^[a-z0-9-]+$/.test(id) && id.length <= ID_LENGTH_MAX) return [];
  if (id === "") return [violation(field, "is required: name one")];
  return [
    violation(
      field,
      `is ${quote(id)}: must be 1 to ${ID_LENGTH_MAX} of the characters a to z, 0 to 9 and -`,
    ),
  ];
}

/** The caller's key for a call that is safe to repeat. May be empty. */
export function validateRequestId(field: string, requestId: string): readonly FieldViolation[] {
  if (/^[ -~]*$/.test(requestId) && requestId.length <= REQUEST_ID_LENGTH_MAX) return [];
  return [
    violation(
      field,
      `is ${quote(requestId)}: must be at most ${REQUEST_ID_LENGTH_MAX} printable ASCII characters`,
    ),
  ];
}

/** How many entries a page holds at most; a request above the maximum gets the maximum. */
export function validatePage(
  pageSize: number,
): Readonly<{ violations: readonly FieldViolation[]; size: number }> {
  if (pageSize === 0) return { violations: [], size: PAGE_SIZE_DEFAULT };
  if (pageSize > 0) return { violations: [], size: Math.min(pageSize, PAGE_SIZE_MAX) };
  const description = `is ${pageSize}: must be 1 to ${PAGE_SIZE_MAX}, or 0 for ${PAGE_SIZE_DEFAULT}`;
  return { violations: [violation("page_size", description)], size: PAGE_SIZE_DEFAULT };
}

/** The time between the stop signal and the kill. May be absent. */
export function validateGrace(
  field: string,
  grace: Duration | undefined,
): readonly FieldViolation[] {
  if (grace === undefined || isGrace(grace)) return [];
  const value = `${grace.seconds} s and ${grace.nanos} ns`;
  return [violation(field, `is ${value}: must be 0 to ${STOP_GRACE_SECONDS_MAX} s`)];
}

function isGrace({ seconds, nanos }: Duration): boolean {
  if (seconds < 0n || nanos < 0 || nanos >= 1e9) return false;
  const max = BigInt(STOP_GRACE_SECONDS_MAX);
  return seconds < max || (seconds === max && nanos === 0);
}
