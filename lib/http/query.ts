import { type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import type { FieldViolation } from "../errors.ts";
import { didYouMean } from "../nearest.ts";
import type { Parameter } from "./parameters.ts";

/** Characters of an unknown name that a message repeats. */
const NAME_CHARS_MAX = 64;

export type ReadQuery = Readonly<{ json: JsonObject; violations: readonly FieldViolation[] }>;

/** What a query says, as the JSON of the request. */
export function readQuery(search: string, parameters: readonly Parameter[]): ReadQuery {
  const values = valuesByName(search);
  const json: JsonObject = {};
  const violations: FieldViolation[] = [];
  for (const [name, texts] of values) {
    const parameter = parameters.find((each) => each.name === name || each.alias === name);
    const read = parameter ? readValue(parameter, texts) : unknown(name, parameters);
    if ("problem" in read) violations.push({ field: cut(name), description: read.problem });
    else if (parameter && !put(json, parameter.path, read.value))
      violations.push({
        field: cut(name),
        description: "is given under both of its names: give it once",
      });
  }
  return { json, violations };
}

type Read = Readonly<{ value: JsonValue }> | Readonly<{ problem: string }>;

function valuesByName(search: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const [name, text] of new URLSearchParams(search)) {
    const texts = values.get(name) ?? [];
    texts.push(text);
    values.set(name, texts);
  }
  return values;
}

function unknown(name: string, parameters: readonly Parameter[]): Read {
  const names = parameters.map((parameter) => parameter.name);
  const hint = didYouMean(name, names);
  const all = names.length > 0 ? `: choose one of ${names.join(", ")}` : ": leave it out";
  return { problem: `is no parameter${hint || all}` };
}

function readValue({ field }: Parameter, texts: readonly string[]): Read {
  if (field.fieldKind === "list") return all(texts.map((text) => oneOf(field.scalar, text)));
  if (field.fieldKind === "map") return entriesOf(texts);
  const [text = "", ...more] = texts;
  if (more.length > 0) return { problem: `is given ${texts.length} times: once is enough` };
  return oneOf(field.fieldKind === "scalar" ? field.scalar : undefined, text);
}

/** JSON takes numbers as text too, but not truth. */
function oneOf(scalar: ScalarType | undefined, text: string): Read {
  if (scalar !== ScalarType.BOOL) return { value: text };
  if (text === "true" || text === "false") return { value: text === "true" };
  return { problem: `is ${JSON.stringify(cut(text))}: must be true or false` };
}

function all(reads: readonly Read[]): Read {
  const values: JsonValue[] = [];
  for (const read of reads) {
    if ("problem" in read) return read;
    values.push(read.value);
  }
  return { value: values };
}

function entriesOf(texts: readonly string[]): Read {
  const entries = texts.map((text) => /^([^=]*)=(.*)$/s.exec(text)?.slice(1));
  const keys = new Set(entries.map((entry) => entry?.[0]));
  if (entries.includes(undefined)) return { problem: "must be KEY=VALUE" };
  if (keys.size < texts.length) return { problem: "has one key twice: give each once" };
  return { value: Object.fromEntries(entries as [string, string][]) };
}

/** False when there is a value already. */
function put(json: JsonObject, path: readonly string[], value: JsonValue): boolean {
  const [first = "", ...rest] = path;
  if (rest.length === 0) {
    if (Object.hasOwn(json, first)) return false;
    json[first] = value;
    return true;
  }
  const inner = (json[first] ?? {}) as JsonObject;
  json[first] = inner;
  return put(inner, rest, value);
}

const cut = (text: string) => text.slice(0, NAME_CHARS_MAX);
