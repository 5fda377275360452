import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import type { FieldViolation } from "../lib/errors.ts";
import { didYouMean } from "../lib/nearest.ts";
import { parseDuration } from "./parse/duration.ts";
import type { Parsed } from "./parse/parsed.ts";
import { parseSize } from "./parse/size.ts";

/** What a file says, in protobuf's JSON, and what could not be understood, which is left out of it. */
export type Words = Readonly<{ json: JsonValue; violations: readonly FieldViolation[] }>;

/**
 * Translates what people write in files into protobuf's JSON, by the same rules as flags: `1m30s` and
 * `90` for a span, `512MiB` for bytes, `on-failure` for `RESTART_MODE_ON_FAILURE`. What is neither is
 * left as it is: protobuf says what is wrong with it.
 */
export function fromWords(desc: DescMessage, json: JsonValue): Words {
  const violations: FieldViolation[] = [];
  return { json: inMessage(desc, { json, at: "", violations }), violations };
}

type Part = Readonly<{ json: JsonValue; at: string; violations: FieldViolation[] }>;

function inMessage(desc: DescMessage, { json, at, violations }: Part): JsonValue {
  if (!isObject(json)) return json;
  const entries = Object.entries(json).flatMap(([key, value]) => {
    const field = fieldNamed(desc, key);
    if (!field) return [[key, value] as const];
    const place = `${at}${at && "."}${field.name}`;
    const translated = inField(field, { json: value, at: place, violations });
    return translated === undefined ? [] : [[key, translated] as const];
  });
  return Object.fromEntries(entries);
}

/** Undefined where it could not be understood. */
function inField(field: DescField, part: Part): JsonValue | undefined {
  const { json, at } = part;
  if (field.fieldKind === "list" && Array.isArray(json))
    return json.flatMap((item, index) => {
      const translated = inValue(field, { ...part, json: item, at: `${at}[${index}]` });
      return translated === undefined ? [] : [translated];
    });
  if (field.fieldKind === "map" && isObject(json))
    return Object.fromEntries(
      Object.entries(json).flatMap(([key, item]) => {
        const place = `${at}[${JSON.stringify(key)}]`;
        const translated = inValue(field, { ...part, json: item, at: place });
        return translated === undefined ? [] : [[key, translated] as const];
      }),
    );
  return inValue(field, part);
}

function inValue(field: DescField, part: Part): JsonValue | undefined {
  const { json } = part;
  if (field.message?.typeName === "google.protobuf.Duration") return span(part);
  if (field.message) return inMessage(field.message, part);
  if (field.enum) return choice(field.enum, part);
  if (field.scalar === ScalarType.STRING) return text(part);
  if (field.scalar === ScalarType.INT64 && field.name.endsWith("_bytes")) return size(part);
  return json;
}

/** Protobuf's own form is finer than ours, and `--dry-run` prints it. */
const PROTOBUF_SPAN = /^\d{1,12}(\.\d{1,9})?s$/;

function span(part: Part): JsonValue | undefined {
  if (PROTOBUF_SPAN.test(String(part.json))) return part.json;
  return read(part, parseDuration, (ms) => `${ms / 1000}s`);
}

const size = (part: Part): JsonValue | undefined => read(part, parseSize, String);

function read<T>(
  { json, at, violations }: Part,
  parse: (text: string) => Parsed<T>,
  write: (value: T) => string,
): JsonValue | undefined {
  if (typeof json !== "string" && typeof json !== "number") return json;
  const result = parse(String(json));
  if (result.kind === "parsed") return write(result.value);
  violations.push({ field: at, description: result.problem });
  return undefined;
}

/** YAML reads `8080` and `true` as no text, and a variable's value may well look so. */
function text({ json, at, violations }: Part): JsonValue | undefined {
  if (typeof json !== "number" && typeof json !== "boolean") return json;
  violations.push({ field: at, description: `is ${json}: must be text: write "${json}"` });
  return undefined;
}

/** The contract's name for a word, such as `on-failure`, or for itself. */
function choice({ sharedPrefix = "", values }: DescEnum, part: Part): JsonValue | undefined {
  const { json, at, violations } = part;
  if (typeof json !== "string") return json;
  const named = values.filter(({ number }) => number !== 0);
  const wordOf = (name: string): string =>
    name.slice(sharedPrefix.length).toLowerCase().replaceAll("_", "-");
  const found = named.find(({ name }) => name === json || wordOf(name) === json.toLowerCase());
  if (found) return found.name;
  const words = named.map(({ name }) => wordOf(name));
  const hint = didYouMean(json, words);
  const description = `is ${JSON.stringify(json)}: must be one of ${words.join(", ")}${hint}`;
  violations.push({ field: at, description });
  return undefined;
}

const fieldNamed = (desc: DescMessage, key: string): DescField | undefined =>
  desc.fields.find(({ jsonName, name }) => jsonName === key || name === key);

const isObject = (json: JsonValue): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json);
