import {
  type DescField,
  type DescMessage,
  type DescOneof,
  type MessageInitShape,
  ScalarType,
} from "@bufbuild/protobuf";
import fc, { type Arbitrary } from "fast-check";
import { elementOf } from "../plain-schema.ts";

/** Beyond this depth messages are empty, beyond this length lists and maps end. */
const LIMITS = { depth: 4, length: 3 };

/** What a message is made of: any of its fields, with values at the edges of what they can be. */
export const anyMessage = <T extends DescMessage>(
  schema: T,
  depth = 0,
): Arbitrary<MessageInitShape<T>> => {
  const members = depth < LIMITS.depth ? schema.members : [];
  const values = members.map((member): [string, Arbitrary<unknown>] => [
    member.localName,
    member.kind === "oneof" ? anyChoice(member, depth) : anyField(member, depth),
  ]);
  return fc.record(Object.fromEntries(values), { requiredKeys: [] }) as Arbitrary<
    MessageInitShape<T>
  >;
};

const anyChoice = ({ fields }: DescOneof, depth: number): Arbitrary<unknown> =>
  fc.oneof(
    fc.constant({ case: undefined }),
    ...fields.map((field) =>
      fc.record({ case: fc.constant(field.localName), value: anyField(field, depth) }),
    ),
  );

function anyField(field: DescField, depth: number): Arbitrary<unknown> {
  const element = elementOf(field);
  const one =
    element.kind === "message" ? anyMessage(element.schema, depth + 1) : SCALARS[element.scalar];
  if (field.fieldKind === "list") return fc.array(one, { maxLength: LIMITS.length });
  if (field.fieldKind === "map") return fc.dictionary(anyKey, one, { maxKeys: LIMITS.length });
  return one;
}

const anyText = fc.oneof(
  fc.constantFrom(
    "",
    "\ufeffx",
    "é",
    "😀",
    "a\u0000b",
    "x".repeat(127),
    "x".repeat(128),
    "é".repeat(90),
  ),
  fc.string({ unit: "grapheme" }),
);

const anyKey = fc.oneof(fc.constantFrom("", "__proto__", "constructor"), fc.string());

const int = (min: number, max: number) =>
  fc.oneof(fc.constantFrom(min, 0, max), fc.integer({ min, max }));

const big = (min: bigint, max: bigint) =>
  fc.oneof(fc.constantFrom(min, 0n, max), fc.bigInt({ min, max }));

const INT32 = int(-(2 ** 31), 2 ** 31 - 1);
const UINT32 = int(0, 2 ** 32 - 1);
const INT64 = big(-(2n ** 63n), 2n ** 63n - 1n);
const UINT64 = big(0n, 2n ** 64n - 1n);

const SCALARS: Readonly<Record<ScalarType, Arbitrary<unknown>>> = {
  [ScalarType.DOUBLE]: fc.double(),
  [ScalarType.FLOAT]: fc.float(),
  [ScalarType.INT64]: INT64,
  [ScalarType.UINT64]: UINT64,
  [ScalarType.INT32]: INT32,
  [ScalarType.FIXED64]: UINT64,
  [ScalarType.FIXED32]: UINT32,
  [ScalarType.BOOL]: fc.boolean(),
  [ScalarType.STRING]: anyText,
  [ScalarType.BYTES]: fc.uint8Array({ maxLength: 200 }),
  [ScalarType.UINT32]: UINT32,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SINT64]: INT64,
};
