import { isMap, isScalar, isSeq, LineCounter, type Pair, parseDocument } from "yaml";
import { didYouMean } from "../../lib/nearest.ts";
import { usageError } from "../command-error.ts";

/** Where a value came from, for messages, and its texts. */
export type Given = Readonly<{ origin: string; texts: readonly string[] }>;

/** What a configuration file sets, by the names of settings. */
export type ConfigFile = ReadonlyMap<string, Given>;

/**
 * Reads a YAML file of settings: `name: value`, `name: [a, b]`, or for labels
 * `name: { key: value }`. Throws a usage error that names file and line of
 * whatever is wrong, unknown names included.
 */
export function parseConfigFile(
  path: string,
  content: string,
  known: ReadonlySet<string>,
): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines });
  const at = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const syntax = document.errors.map((error) => `${at(error.pos[0])}: ${firstLine(error.message)}`);
  if (syntax.length > 0) throw usageError(syntax, ["mend its YAML: lines of NAME: VALUE"]);
  if (document.contents === null) return new Map();
  if (!isMap(document.contents)) throw usageError([`${path}:1: must be lines of NAME: VALUE`]);
  const entries = document.contents.items.map((pair) => readEntry(pair, at(offsetOf(pair)), known));
  const problems = entries.flatMap((entry) => ("problem" in entry ? [entry.problem] : []));
  if (problems.length > 0) throw usageError(problems);
  return new Map(
    entries.flatMap((entry) => ("problem" in entry ? [] : [[entry.name, entry.given] as const])),
  );
}

type Entry = Readonly<{ name: string; given: Given }> | Readonly<{ problem: string }>;

function readEntry(pair: Pair, place: string, known: ReadonlySet<string>): Entry {
  const name = isScalar(pair.key) ? String(pair.key.value) : "";
  const origin = `${place}: ${name}`;
  if (!known.has(name)) return { problem: `${origin}: no such setting${hintFor(name, known)}` };
  const texts = textsOf(pair.value);
  return texts
    ? { name, given: { origin, texts } }
    : { problem: `${origin}: must be a value, a list of values or KEY: VALUE` };
}

const hintFor = (name: string, known: ReadonlySet<string>): string =>
  didYouMean(name, known) || ": leave it out, or see: berth up --help";

const offsetOf = ({ key }: Pair): number => (isScalar(key) ? (key.range?.[0] ?? 0) : 0);
const firstLine = (text: string): string => text.split("\n")[0] ?? "";

/** A value's texts, or undefined when it is nested deeper than settings go. */
function textsOf(value: unknown): readonly string[] | undefined {
  if (isScalar(value)) return [String(value.value ?? "")];
  if (isSeq(value)) {
    const texts = value.items.map((item) => (isScalar(item) ? String(item.value) : undefined));
    return texts.every((text) => text !== undefined) ? texts : undefined;
  }
  if (isMap(value)) {
    const texts = value.items.map(({ key, value: text }) =>
      isScalar(key) && isScalar(text) ? `${key.value}=${text.value}` : undefined,
    );
    return texts.every((text) => text !== undefined) ? texts : undefined;
  }
  return undefined;
}
