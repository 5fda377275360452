import {
  type DescField,
  type DescMessage,
  fromJson,
  getOption,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { secret } from "../../gen/berth/v1/options_pb.ts";
import type { FieldViolation } from "../errors.ts";
import { didYouMean } from "../nearest.ts";

/** More are not looked for: who sends that many has one problem, not hundreds. */
const VIOLATIONS_MAX = 20;

/** As deep as protobuf goes. */
const DEPTH_MAX = 100;

const DESCRIPTION_CHARS_MAX = 200;
const NAME_CHARS_MAX = 64;

/** How messages look whose JSON is one text. */
const EXAMPLES: Readonly<Record<string, string>> = {
  "google.protobuf.Duration": '"1.5s"',
  "google.protobuf.FieldMask": '"availability,labels"',
  "google.protobuf.Timestamp": '"2026-01-02T03:04:05Z"',
};

/**
 * Which fields keep `json` from being a message. Protobuf decides what is right; it is asked of
 * ever smaller parts. `error` is what it said of the whole: the answer when no part is at fault.
 */
export function violationsIn(
  desc: DescMessage,
  json: JsonValue,
  error: unknown,
): readonly FieldViolation[] {
  const found: FieldViolation[] = [];
  for (const violation of inMessage({ desc, json, at: "", depth: 0 })) {
    found.push(violation);
    if (found.length === VIOLATIONS_MAX) break;
  }
  return found.length > 0 ? found : [{ field: "body", description: wordsOf(error) }];
}

type Part = Readonly<{ json: JsonValue; at: string; depth: number }>;
type InMessage = Part & Readonly<{ desc: DescMessage }>;
type InField = Part & Readonly<{ field: DescField; key: string }>;
type Violations = Generator<FieldViolation, void, undefined>;

function* inMessage(part: InMessage): Violations {
  const { desc, json, at } = part;
  const problem = problemOf(desc, json);
  if (problem === undefined) return;
  const parts = isObject(json) && !isWellKnown(desc) ? inFields(part, json) : [];
  yield* orElse(parts, { field: at || "body", description: problem });
}

function* inFields({ desc, at, depth }: InMessage, json: JsonObject): Violations {
  for (const [key, value] of Object.entries(json)) {
    const field = fieldOf(desc, key);
    const place = join(at, field?.name ?? key);
    if (field) yield* inField({ field, key, json: value, at: place, depth: depth + 1 });
    else yield { field: place, description: unknown(desc, key) };
  }
}

function* inField(part: InField): Violations {
  const { field, key, json, at, depth } = part;
  const problem = problemOf(field.parent, { [key]: json }, field);
  if (problem === undefined) return;
  const parts = depth < DEPTH_MAX ? inParts(part) : [];
  yield* orElse(parts, { field: at, description: `${problem}${hintFor(field, json)}` });
}

function* inParts({ field, key, json, at, depth }: InField): Violations {
  for (const part of partsOf(field, json, at)) {
    if (part.desc) yield* inMessage({ desc: part.desc, json: part.json, at: part.at, depth });
    else {
      const problem = problemOf(field.parent, { [key]: part.whole }, field);
      const description = `${problem}${hintFor(field, part.json)}`;
      if (problem !== undefined) yield { field: part.at, description };
    }
  }
}

/** What is wrong with the parts; if nothing is, with the whole. */
function* orElse(parts: Iterable<FieldViolation>, whole: FieldViolation): Violations {
  let isFound = false;
  for (const violation of parts) {
    isFound = true;
    yield violation;
  }
  if (!isFound) yield whole;
}

type FieldPart = Readonly<{
  at: string;
  json: JsonValue;
  /** The field's value with this part alone. */
  whole: JsonValue;
  /** What the part is, if a message. */
  desc: DescMessage | undefined;
}>;

function* partsOf(field: DescField, json: JsonValue, at: string): Generator<FieldPart> {
  const desc = field.message;
  if (field.fieldKind === "list" && Array.isArray(json))
    for (const [i, item] of json.entries())
      yield { at: `${at}[${i}]`, json: item, whole: [item], desc };
  else if (field.fieldKind === "map" && isObject(json))
    for (const [key, value] of Object.entries(json))
      yield {
        at: `${at}[${JSON.stringify(cut(key))}]`,
        json: value,
        whole: { [key]: value },
        desc,
      };
  else if (field.fieldKind === "message") yield { at, json, whole: json, desc };
}

/** What protobuf has against it; undefined when it is a message. What is secret is not quoted. */
function problemOf(desc: DescMessage, json: JsonValue, field?: DescField): string | undefined {
  try {
    fromJson(desc, json);
    return undefined;
  } catch (error) {
    const words = wordsOf(error);
    return field && getOption(field, secret) ? words.replace(/, got .*/s, "") : words;
  }
}

/** In protobuf's words, without what the name of the field says already. */
const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .replace(/^cannot decode (?:field|oneof) \S+ from JSON: /, "")
    .replace(/^cannot decode (?:message|enum) (\S+) from JSON: /, (_all, type: string) => {
      const example = EXAMPLES[type];
      return `is no ${type.replace(/.*\./, "")}${example ? `, such as ${example}` : ""}: `;
    })
    .slice(0, DESCRIPTION_CHARS_MAX);

/** What a value that the enum does not have may have been meant to be. */
function hintFor({ enum: choice }: DescField, json: JsonValue): string {
  if (!choice || typeof json !== "string") return "";
  const names = choice.values.filter(({ number }) => number !== 0).map(({ name }) => name);
  return didYouMean(json, names) || `: must be one of ${names.join(", ")}`;
}

function unknown(desc: DescMessage, key: string): string {
  const names = desc.fields.map(({ jsonName }) => jsonName);
  return `is no field of ${desc.name}${didYouMean(key, names) || `: ${names.length > 0 ? `choose one of ${names.join(", ")}` : "it has none"}`}`;
}

const fieldOf = (desc: DescMessage, key: string): DescField | undefined =>
  desc.fields.find(({ jsonName, name }) => jsonName === key || name === key);

const isWellKnown = (desc: DescMessage): boolean => desc.typeName.startsWith("google.protobuf.");

const isObject = (json: JsonValue): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json);

const join = (at: string, name: string): string => `${at}${at && "."}${cut(name)}`;
const cut = (text: string) => text.slice(0, NAME_CHARS_MAX);
