import { createHash } from "node:crypto";
import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import type { Clock } from "../../lib/clock.ts";
import { invalidFields } from "../../lib/errors.ts";
import type { Ledger } from "./ledger.ts";
import type { RequestRecord } from "./ledger-records.ts";

/** How long a request ID is remembered. The contract promises an hour. */
const REMEMBERED_MS = 65 * 60_000;

/** A mutating request and what tells it from another one with the same ID. */
export type Request = Readonly<{ requestId: string; digest: string }>;

/** Two requests of one kind have one digest exactly when their fields are equal. */
export function requestOf<S extends DescMessage>(
  schema: S,
  message: MessageShape<S> & { requestId: string },
): Request {
  return requestFrom(message.requestId, () => [schema.typeName, toJson(schema, message)]);
}

/** For input that has no JSON form of its own. `input` tells the method, too. */
export function requestFrom(requestId: string, input: () => JsonValue): Request {
  if (requestId === "") return { requestId, digest: "" };
  const digest = createHash("sha256").update(canonical(input())).digest("base64url");
  return { requestId, digest };
}

/** One text for equal values, in whatever order their maps came. */
export const canonical = (value: JsonValue): string => JSON.stringify(sorted(value));

/**
 * The task that an earlier call of the same request made or changed, or undefined for a new one.
 * Throws INVALID_ARGUMENT when the ID was used for another request.
 */
export function repeated({ requestId, digest }: Request, ledger: Ledger): string | undefined {
  const record = requestId === "" ? undefined : ledger.request(requestId);
  if (!record) return undefined;
  if (record.digest === digest) return record.taskId;
  const description = `is ${JSON.stringify(requestId)}, which another request used: choose a new one`;
  throw invalidFields([{ field: "request_id", description }]);
}

/** What to remember of a request that takes effect now. Nothing without an ID. */
export function recordOf(
  { requestId, digest }: Request,
  taskId: string,
  clock: Clock,
): RequestRecord | undefined {
  if (requestId === "") return undefined;
  return { requestId, digest, taskId, expireMs: clock.now() + REMEMBERED_MS };
}

/** The same value with the keys of every object in order: maps have no order of their own. */
function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sorted(entry)]));
}
