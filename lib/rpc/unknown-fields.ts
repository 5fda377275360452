import { type DescField, type DescMessage, isMessage, type Message } from "@bufbuild/protobuf";
import type { Interceptor } from "@connectrpc/connect";
import { type FieldViolation, invalidFields } from "../errors.ts";
import { mapped } from "./mapped.ts";

/** More are not reported: a caller from another version has one problem, not hundreds. */
const VIOLATIONS_MAX = 20;

/**
 * Refuses requests with fields or enum values that this server does not know, wherever they
 * are nested: what is not understood would otherwise be ignored, and the caller told "done".
 */
export const refuseUnknownFields: Interceptor = (next) => (request) => {
  const { input } = request.method;
  if (request.stream) {
    const check = (message: Message) => {
      refuseUnknown(input, message);
      return message;
    };
    return next({ ...request, message: mapped(request.message, check) });
  }
  refuseUnknown(input, request.message);
  return next(request);
};

/** Throws INVALID_ARGUMENT that names every unknown field and enum value, up to a limit. */
export function refuseUnknown(desc: DescMessage, message: Message): void {
  if (isKnown(desc, message)) return;
  const violations = unknownIn(desc, message);
  if (violations.length > 0) throw invalidFields(violations.slice(0, VIOLATIONS_MAX));
}

/** Frozen messages of which all is known: the tasks of a call share their spec. */
const checked = new WeakSet<Message>();

/** Whether there is nothing unknown, as nearly always: for that answer nothing is made. */
function isKnown(desc: DescMessage, message: Message): boolean {
  if (checked.has(message)) return true;
  if (message.$unknown && message.$unknown.length > 0) return false;
  for (const field of fieldsToCheck(desc)) if (!isFieldKnown(field, message)) return false;
  if (Object.isFrozen(message)) checked.add(message);
  return true;
}

function isFieldKnown(field: DescField, message: Message): boolean {
  const value = read(field, message);
  if (value === undefined) return true;
  if (field.fieldKind !== "list" && field.fieldKind !== "map") return isValueKnown(field, value);
  for (const item of Object.values(value)) if (!isValueKnown(field, item)) return false;
  return true;
}

function isValueKnown(field: DescField, value: unknown): boolean {
  // Struct and the wrappers are plain values here, which have nothing unknown.
  if (field.message) return !isMessage(value, field.message) || isKnown(field.message, value);
  return !field.enum || (value as number) in field.enum.value;
}

/** What there is, for those that are refused. */
function unknownIn(desc: DescMessage, message: Message): readonly FieldViolation[] {
  const nested = fieldsToCheck(desc).flatMap((field) => unknownInField(field, message));
  const own = (message.$unknown ?? []).map(({ no }) => ({
    field: String(no),
    description: remedy(`field number ${no} of ${desc.typeName}`),
  }));
  return [...own, ...nested];
}

function unknownInField(field: DescField, message: Message): readonly FieldViolation[] {
  const value = read(field, message);
  if (value === undefined) return [];
  switch (field.fieldKind) {
    case "list":
      return (value as unknown[]).flatMap((item, index) =>
        at(`${field.name}[`, index, "]", unknownInValue(field, item)),
      );
    case "map":
      return Object.entries(value).flatMap(([key, item]) =>
        at(`${field.name}["`, key, '"]', unknownInValue(field, item)),
      );
    default:
      return at(field.name, "", "", unknownInValue(field, value));
  }
}

function unknownInValue(field: DescField, value: unknown): readonly FieldViolation[] {
  if (isValueKnown(field, value)) return [];
  if (field.message) return unknownIn(field.message, value as Message);
  return [{ field: "", description: remedy(`value ${value} of ${field.enum?.typeName}`) }];
}

/** The same violations, seen from one level further out. */
const at = (
  name: string,
  key: string | number,
  close: string,
  violations: readonly FieldViolation[],
): readonly FieldViolation[] =>
  violations.map(({ field, description }) => ({
    field: `${name}${key}${close}${field && "."}${field}`,
    description,
  }));

const remedy = (what: string) => `${what} is unknown here: upgrade the server or drop the field`;

const cache = new WeakMap<DescMessage, readonly DescField[]>();

/** The fields that can hold something unknown. */
function fieldsToCheck(desc: DescMessage): readonly DescField[] {
  const known = cache.get(desc);
  if (known) return known;
  const fields = desc.fields.filter((field) => field.message ?? field.enum);
  cache.set(desc, fields);
  return fields;
}

function read(field: DescField, message: Message): object | number | undefined {
  const values = message as unknown as Record<string, object | number | undefined>;
  if (!field.oneof) return values[field.localName];
  const choice = values[field.oneof.localName] as { case?: string; value?: object | number };
  return choice.case === field.localName ? choice.value : undefined;
}
