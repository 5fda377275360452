import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
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

/** JavaScript to read a message with, and the schemas of the messages in it. */
export type ReaderCode = Readonly<{ source: string; children: readonly DescMessage[] }>;

// In the code that is made, `r` is the library's reader, `m` the message, and `read0` what reads
// the first of the children, or `frozen0` if it is of a frozen kind. `keep` keeps a field that is
// not known, `put` sets a map's entry, `thaw` makes a copy.

/** Of a plain schema: the body of a function of `r`, the `end` to read up to, and a message `m` to add to. */
export function readerCode(schema: DescMessage): ReaderCode {
  const children = createChildren();
  const readChild: ReadChild = (child, end, into) =>
    isFrozenKind(child) && into === NEW
      ? `frozen${children.numberOf(child)}(r)`
      : `read${children.numberOf(child)}(r, ${end}, ${into})`;
  const cases = schema.fields.flatMap((field) => casesOf(field, readChild));
  const source = [
    `m ??= {$typeName: "${schema.typeName}"${schema.members.map(initOf).join("")}};`,
    "while (r.pos < end) {",
    "const tag = r.uint32();",
    `switch (tag) { ${cases.join("\n")} default: keep(m, r, tag); }`,
    "}",
    "if (r.pos !== end) overrun();",
    "return m;",
  ].join("\n");
  return { source, children: children.schemas };
}

type ReadChild = (child: DescMessage, end: string, into: string) => string;

/** What is read is added to no message. */
const NEW = "undefined";

/** Where a message ends whose length comes next. */
const END = "r.uint32() + r.pos";

/** Every message of a type has the same properties, in the same order, from the start. */
function initOf(member: DescField | DescOneof): string {
  const name = member.localName;
  if (member.kind === "oneof") return `, ${name}: {case: undefined}`;
  if (member.fieldKind === "list") return `, ${name}: []`;
  if (member.fieldKind === "map") return `, ${name}: {}`;
  const value = elementOf(member);
  const isAbsent = value.kind === "message" || member.presence !== IMPLICIT;
  return isAbsent ? "" : `, ${name}: ${zeroOf(value.scalar)}`;
}

function casesOf(field: DescField, readChild: ReadChild): readonly string[] {
  const { localName: name, number } = field;
  const value = elementOf(field);
  const tag = tagOf(number, value);
  const read = (into: string) => readValue(field, value, into, readChild);
  switch (field.fieldKind) {
    case "map":
      return [`case ${packedTagOf(number)}: ${readEntry(field, read("value"), readChild)} break;`];
    case "list": {
      const one = `case ${tag}: m.${name}.push(${read(NEW)}); break;`;
      return isPackable(value) ? [one, casePacked(field, read(NEW))] : [one];
    }
    default:
      return [`case ${tag}: ${readSingle(field, read)} break;`];
  }
}

const readValue = (field: DescField, value: Element, into: string, readChild: ReadChild): string =>
  value.kind === "message"
    ? readChild(value.schema, END, into)
    : `r.${methodOf(value.scalar)}(${"utf8Validation" in field ? field.utf8Validation : ""})`;

const casePacked = ({ localName, number }: DescField, read: string): string =>
  `case ${packedTagOf(number)}: for (const until = ${END}; r.pos < until;) m.${localName}.push(${read}); break;`;

/** What was read of the same message before is added to: of a frozen one, to a copy. */
function readSingle(field: DescField, read: (into: string) => string): string {
  const own = `m.${field.localName}`;
  if (field.oneof) return readChoice(field, read);
  if (!field.message || !isFrozenKind(field.message)) return `${own} = ${read(own)};`;
  return `${own} = ${own} === undefined ? ${read(NEW)} : ${read(`thaw(${own})`)};`;
}

function readChoice(field: DescField, read: (into: string) => string): string {
  const group = `m.${field.oneof?.localName}`;
  const name = `"${field.localName}"`;
  const before = `${group}.case === ${name} ? ${group}.value : undefined`;
  return `${group} = {case: ${name}, value: ${read(before)}};`;
}

/** A map's entry is a message whose key is field 1 and whose value is field 2. */
function readEntry(field: DescField, read: string, readChild: ReadChild): string {
  const value = elementOf(field);
  const isMessage = value.kind === "message";
  return `{
    const until = ${END};
    let key = "", value = ${isMessage ? "undefined" : zeroOf(value.scalar)};
    while (r.pos < until) {
      const tag = r.uint32();
      if (tag === ${KEY_TAG}) key = r.string(true);
      else if (tag === ${tagOf(2, value)}) value = ${read};
      else keep(undefined, r, tag);
    }
    put(m.${field.localName}, key, ${isMessage ? `value ?? ${readChild(value.schema, "r.pos", "void 0")}` : "value"});
  }`;
}
