import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescOneof,
  ScalarType,
} from "@bufbuild/protobuf";
import { assert } from "../assert.ts";
import { type Comments, commentOn, isRequired } from "./schema-comments.ts";

export type Schema = { [key: string]: unknown };

/** Makes JSON schemas of the messages and enums that are asked for, and of all that these hold. */
export interface Schemas {
  /** A reference. */
  of(desc: DescMessage | DescEnum): Schema;
  /** The schema itself, of a message without some of its fields. */
  without(desc: DescMessage, fields: ReadonlySet<string>): Schema;
  ofField(field: DescField): Schema;
  /** By name, in the order of their names. */
  all(): Schema;
}

const INT32 = { type: "integer", format: "int32", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
const UINT32 = { type: "integer", format: "int64", minimum: 0, maximum: 2 ** 32 - 1 };
const INT64 = { type: "string", format: "int64", pattern: "^-?[0-9]{1,19}$" };
const UINT64 = { type: "string", format: "uint64", pattern: "^[0-9]{1,20}$" };
const DOUBLE = { type: "number", format: "double" };

const scalars: Readonly<Record<ScalarType, Schema>> = {
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.BYTES]: { type: "string", contentEncoding: "base64" },
  [ScalarType.DOUBLE]: DOUBLE,
  [ScalarType.FIXED32]: UINT32,
  [ScalarType.FIXED64]: UINT64,
  [ScalarType.FLOAT]: { type: "number", format: "float" },
  [ScalarType.INT32]: INT32,
  [ScalarType.INT64]: INT64,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SINT64]: INT64,
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.UINT32]: UINT32,
  [ScalarType.UINT64]: UINT64,
};

/** Messages whose JSON is not an object of their fields. */
const wellKnown: Readonly<Record<string, Schema>> = {
  "google.protobuf.Any": {
    type: "object",
    properties: { "@type": { type: "string" } },
    required: ["@type"],
  },
  "google.protobuf.Duration": {
    type: "string",
    pattern: "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$",
    examples: ["1.5s"],
  },
  "google.protobuf.FieldMask": { type: "string", examples: ["availability,labels"] },
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
};

export function createSchemas(comments: Comments): Schemas {
  const made = new Map<string, Schema>();
  const owners = new Map<string, string>();

  function of(desc: DescMessage | DescEnum): Schema {
    const known = wellKnown[desc.typeName];
    if (known) return known;
    const name = nameOf(desc);
    const owner = owners.get(name) ?? desc.typeName;
    assert(owner === desc.typeName, `${owner} and ${desc.typeName} have one name`);
    if (!made.has(name)) {
      owners.set(name, desc.typeName);
      // First, for messages that hold themselves.
      made.set(name, {});
      made.set(name, desc.kind === "enum" ? enumSchema(desc, comments) : objectSchema(desc));
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  function objectSchema(desc: DescMessage, without: ReadonlySet<string> = new Set()): Schema {
    const fields = desc.fields.filter(({ name }) => !without.has(name));
    const required = fields
      .filter((field) => !field.oneof && isRequired(commentOn(field, comments)))
      .map(({ jsonName }) => jsonName);
    return {
      type: "object",
      ...described(commentOn(desc, comments)),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, ofField(field)])),
      ...(required.length > 0 && { required }),
      ...(desc.oneofs.length > 0 && { allOf: desc.oneofs.map(choiceOf) }),
      additionalProperties: false,
    };
  }

  function ofField(field: DescField): Schema {
    return { ...shapeOf(field), ...described(commentOn(field, comments)) };
  }

  const shapeOf = (field: DescField) => shapeAround(field, elementOf(field));

  function elementOf({ scalar, message, enum: choice }: DescField): Schema {
    const desc = message ?? choice;
    if (desc) return of(desc);
    assert(scalar !== undefined, "a field is a scalar, a message or an enum");
    return scalars[scalar];
  }

  return {
    of,
    ofField,
    without: objectSchema,
    all: () => Object.fromEntries([...made].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Without its package: the documents of one server hold no two of one name. */
const nameOf = ({ typeName, file }: DescMessage | DescEnum): string =>
  typeName.slice(file.proto.package.length + 1);

const enumSchema = (desc: DescEnum, comments: Comments): Schema => ({
  type: "string",
  description: [
    commentOn(desc, comments),
    ...desc.values.map((value) => `- \`${value.name}\`: ${commentOn(value, comments)}`),
  ].join("\n"),
  enum: desc.values.map(({ name }) => name),
});

/** One of the fields, or none. */
function choiceOf({ fields }: DescOneof): Schema {
  const each = fields.map(({ jsonName }) => ({ required: [jsonName] }));
  return { oneOf: [...each, { not: { anyOf: each } }] };
}

function shapeAround({ fieldKind }: DescField, element: Schema): Schema {
  switch (fieldKind) {
    case "list":
      return { type: "array", items: element };
    case "map":
      return { type: "object", additionalProperties: element };
    default:
      return element;
  }
}

const described = (description: string): Schema => (description === "" ? {} : { description });
