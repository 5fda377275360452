import {
  create,
  type DescField,
  type DescMessage,
  isFieldSet,
  type Message,
} from "@bufbuild/protobuf";
import {
  FieldOrigin,
  type FieldReport,
  FieldReportSchema,
  type ReportedField,
  ReportedFieldSchema,
} from "../gen/berth/v1/field_report_pb.ts";
import { type TaskSpec, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import { absences } from "./field-absence.ts";

/**
 * What was taken for every field of a spec that breaks no rule: `taken` is `given` with its
 * defaults. It goes by the contract, so no field can be left out.
 */
export const fieldReport = (given: TaskSpec, taken: TaskSpec): FieldReport =>
  create(FieldReportSchema, {
    fields: [...inMessage(TaskSpecSchema, { given, taken, at: "spec" })],
  });

type Fields = Message & Readonly<Record<string, unknown>>;
type Reported = Generator<ReportedField, void, undefined>;

/** A part of the spec: as it was given, if it was, and as it was taken. */
type Part = Readonly<{ given: Message | undefined; taken: Message; at: string }>;

function* inMessage(desc: DescMessage, { given, taken, at }: Part): Reported {
  for (const field of desc.fields) {
    // Of several that exclude each other those that were not chosen are not absent.
    if (field.oneof && !isFieldSet(taken, field)) continue;
    const values = { given: fieldValue(given, field), taken: fieldValue(taken, field) };
    yield* inField(field, { ...values, at: `${at}.${field.name}` });
  }
}

type Values = Readonly<{ given: unknown; taken: unknown; at: string }>;

function* inField(field: DescField, { given, taken, at }: Values): Reported {
  const desc = partsOf(field);
  if (!desc || taken === undefined) {
    yield given === undefined ? absent(field, at, taken !== undefined) : honoured(at);
  } else if (field.fieldKind === "list") {
    const before = (given ?? []) as readonly Message[];
    for (const [index, item] of (taken as readonly Message[]).entries())
      yield* inMessage(desc, { given: before[index], taken: item, at: `${at}[${index}]` });
  } else yield* inMessage(desc, { given: given as Message, taken: taken as Message, at });
}

/** What a field is made of whose parts are reported one by one. Users choose the parts of a map. */
export function partsOf({ fieldKind, message }: DescField): DescMessage | undefined {
  const isWhole = fieldKind === "map" || message?.typeName.startsWith("google.protobuf.");
  return isWhole ? undefined : message;
}

function fieldValue(message: Message | undefined, field: DescField): unknown {
  if (!message || !isFieldSet(message, field)) return undefined;
  const fields = message as Fields;
  if (!field.oneof) return fields[field.localName];
  return (fields[field.oneof.localName] as Readonly<{ value: unknown }>).value;
}

const honoured = (path: string): ReportedField => reported(path, FieldOrigin.REQUEST, "");

/** As `create` would, which costs ten times as much. */
const reported = (path: string, origin: FieldOrigin, meaning: string): ReportedField => ({
  $typeName: ReportedFieldSchema.typeName,
  ...{ path, origin, meaning },
});

function absent({ parent, name }: DescField, path: string, isFilled: boolean): ReportedField {
  const absence = absences[`${parent.name}.${name}`];
  assert(absence, `${path}: what the absence of ${parent.name}.${name} means is not written down`);
  const { origin, meaning, filled = meaning } = absence;
  return isFilled ? reported(path, FieldOrigin.MANAGER, filled) : reported(path, origin, meaning);
}
