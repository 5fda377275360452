import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { isFrozenKind } from "./frozen.ts";
import {
  createChildren,
  type Element,
  elementOf,
  IMPLICIT,
  isPackable,
  KEY_TAG,
  methodOf,
  packedTagOf,
  tagOf,
  zeroOf,
} from "./plain-schema.ts";

/** JavaScript to write a message with, and the schemas of the messages in it. */
export type WriterCode = Readonly<{ source: string; children: readonly DescMessage[] }>;

// In the code that is made, `w` is the library's writer, `m` the message or what one is made of,
// and `write0` what writes the first of the children, or `frozen0` if it is of a frozen kind.

/** Of a plain schema: the body of a function of `w` and `m`. Fields are written in the order of their numbers. */
export function writerCode(schema: DescMessage): WriterCode {
  const children = createChildren();
  const writeChild: WriteChild = (child, value) =>
    isFrozenKind(child)
      ? `frozen${children.numberOf(child)}(w, ${value});`
      : `w.fork(); write${children.numberOf(child)}(w, ${value}); w.join();`;
  const fields = schema.fields.toSorted((a, b) => a.number - b.number);
  const source = [
    ...fields.map((field) => `{ ${writeField(field, writeChild)} }`),
    "if (m.$unknown) for (const { no, wireType, data } of m.$unknown) w.tag(no, wireType).raw(data);",
  ].join("\n");
  return { source, children: children.schemas };
}

type WriteChild = (child: DescMessage, value: string) => string;

function writeField(field: DescField, writeChild: WriteChild): string {
  const { localName: name, number } = field;
  const value = elementOf(field);
  const write = (of: string) => writeValue(number, value, of, writeChild);
  switch (field.fieldKind) {
    case "map":
      return `const v = m.${name}; if (v != null) for (const key of Object.keys(v)) {
        w.uint32(${packedTagOf(number)}).fork().uint32(${KEY_TAG}).string(key);
        ${writeValue(2, value, "v[key]", writeChild)}
        w.join();
      }`;
    case "list": {
      const isPacked = isPackable(value) && field.packed;
      const writeAll = isPacked
        ? writePacked(number, value)
        : `for (const one of v) { ${write("one")} }`;
      return `const v = m.${name}; if (v != null) { ${writeAll} }`;
    }
    default:
      return field.oneof
        ? `const v = m.${field.oneof.localName}; if (v != null && v.case === "${name}") { ${write("v.value")} }`
        : `const v = m.${name}; if (${isSet(field, value)}) { ${write("v")} }`;
  }
}

const writeValue = (number: number, value: Element, of: string, writeChild: WriteChild): string =>
  value.kind === "message"
    ? `w.uint32(${tagOf(number, value)}); ${writeChild(value.schema, of)}`
    : `w.uint32(${tagOf(number, value)}).${methodOf(value.scalar)}(${of});`;

function writePacked(number: number, value: Element): string {
  const method = value.kind === "scalar" ? methodOf(value.scalar) : "";
  return `if (v.length > 0) {
    w.uint32(${packedTagOf(number)}).fork();
    for (const one of v) w.${method}(one);
    w.join();
  }`;
}

/** Whether a field is worth writing: a zero that cannot be told from no value is not. */
function isSet(field: DescField, value: Element): string {
  if (value.kind === "message" || field.presence !== IMPLICIT) return "v != null";
  switch (value.scalar) {
    case ScalarType.BYTES:
      return "v != null && v.length > 0";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      // Below zero there is another one.
      return "v != null && !Object.is(v, 0)";
    default:
      return `v != null && v !== ${zeroOf(value.scalar)}`;
  }
}
