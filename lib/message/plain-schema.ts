import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { Edition, isWrapperDesc } from "@bufbuild/protobuf/wkt";

/**
 * Whether code can be made that reads and writes a message: it is proto3 all the way down, never
 * holds one of its own kind, and has no fields that are something else in JavaScript than on the
 * wire. That is the whole contract; what is not falls to the library.
 */
export const isPlain = (schema: DescMessage): boolean => isPlainBelow(schema, []);

function isPlainBelow(schema: DescMessage, above: readonly DescMessage[]): boolean {
  const isOwnKind = schema.file.edition === Edition.EDITION_PROTO3 && !isWrapperDesc(schema);
  const path = [...above, schema];
  return (
    isOwnKind &&
    !above.includes(schema) &&
    schema.fields.every((field) => isPlainField(field, path))
  );
}

function isPlainField(field: DescField, path: readonly DescMessage[]): boolean {
  if (field.fieldKind === "map" && field.mapKey !== ScalarType.STRING) return false;
  if ("longAsString" in field && field.longAsString) return false;
  return field.message === undefined || isPlainBelow(field.message, path);
}

/** Fields that are never absent: see FeatureSet.FieldPresence of google/protobuf/descriptor.proto. */
export const IMPLICIT = 2;

/** Numbers the kinds of message within a message, each once. */
export function createChildren() {
  const schemas: DescMessage[] = [];
  return {
    schemas,
    numberOf(schema: DescMessage): number {
      const known = schemas.indexOf(schema);
      return known < 0 ? schemas.push(schema) - 1 : known;
    },
  };
}

/** One value of a field, a list or a map. Enums are integers on the wire. */
export type Element =
  | Readonly<{ kind: "scalar"; scalar: ScalarType }>
  | Readonly<{ kind: "message"; schema: DescMessage }>;

/** What one value of a field, of a list or of a map is. */
export function elementOf(field: DescField): Element {
  if (field.message) return { kind: "message", schema: field.message };
  return { kind: "scalar", scalar: field.scalar ?? ScalarType.INT32 };
}

const WIRE_TYPES: Readonly<Partial<Record<ScalarType, WireType>>> = {
  [ScalarType.STRING]: WireType.LengthDelimited,
  [ScalarType.BYTES]: WireType.LengthDelimited,
  [ScalarType.DOUBLE]: WireType.Bit64,
  [ScalarType.FIXED64]: WireType.Bit64,
  [ScalarType.SFIXED64]: WireType.Bit64,
  [ScalarType.FLOAT]: WireType.Bit32,
  [ScalarType.FIXED32]: WireType.Bit32,
  [ScalarType.SFIXED32]: WireType.Bit32,
};

const wireTypeOf = (value: Element): WireType =>
  value.kind === "message"
    ? WireType.LengthDelimited
    : (WIRE_TYPES[value.scalar] ?? WireType.Varint);

/** What stands before a value: the field's number and how the value is written. */
export const tagOf = (number: number, value: Element): number =>
  ((number << 3) | wireTypeOf(value)) >>> 0;

/** The tag of numbers written together, with their length in bytes before them. */
export const packedTagOf = (number: number): number =>
  ((number << 3) | WireType.LengthDelimited) >>> 0;

/** The tag of a key in a map's entry. */
export const KEY_TAG = packedTagOf(1);

export const isPackable = (value: Element): boolean =>
  wireTypeOf(value) !== WireType.LengthDelimited;

/** What the library's readers and writers call a type: `string`, `uint64`. */
export const methodOf = (scalar: ScalarType): string => {
  const name: string = ScalarType[scalar];
  return name.toLowerCase();
};

const ZEROS: Readonly<Partial<Record<ScalarType, string>>> = {
  [ScalarType.STRING]: '""',
  [ScalarType.BOOL]: "false",
  [ScalarType.BYTES]: "new Uint8Array(0)",
  [ScalarType.INT64]: "0n",
  [ScalarType.UINT64]: "0n",
  [ScalarType.SINT64]: "0n",
  [ScalarType.FIXED64]: "0n",
  [ScalarType.SFIXED64]: "0n",
};

/** JavaScript for the value that a field has when nobody set it. */
export const zeroOf = (scalar: ScalarType): string => ZEROS[scalar] ?? "0";
