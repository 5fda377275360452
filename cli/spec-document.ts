import type { JsonValue } from "@bufbuild/protobuf";
import type { Document, LineCounter, Node } from "yaml";
import { camelCase, type Step, stepsOf } from "./field-path.ts";

/** A task as a file has it. */
export type Entry = Readonly<{
  json: JsonValue;
  /** Where the field is that a path names: `line:column`. Of one that is absent, what should have it. */
  placeOf: (path: string) => string;
}>;

export type Entries = Readonly<{
  entries: readonly Entry[];
  /** What is no YAML, each with its place. */
  problems: readonly string[];
}>;

/** More say nothing new. */
const PROBLEMS_MAX = 20;

/** The tasks in a text of YAML or JSON: one a document, or a list of them. */
export async function entriesIn(text: string): Promise<Entries> {
  const yaml = await import("./yaml.ts");
  try {
    return read(text, yaml);
  } catch (error) {
    // So the library ends where text is nested too deeply, or grows too much when it is unfolded.
    if (!(error instanceof RangeError || error instanceof ReferenceError)) throw error;
    return {
      entries: [],
      problems: [`1:1: cannot be read as YAML: ${error.message}: make it simpler`],
    };
  }
}

type Yaml = typeof import("./yaml.ts");

function read(text: string, yaml: Yaml): Entries {
  const lines = new yaml.LineCounter();
  const documents = [...yaml.parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })];
  const problems = documents
    .flatMap(({ errors }) => errors)
    .slice(0, PROBLEMS_MAX)
    .map(
      ({ pos: [start], message }) => `${placeAt(lines, start)}: ${message}: mend the YAML there`,
    );
  if (problems.length > 0) return { entries: [], problems };
  const reader = createReader(lines, yaml);
  return { entries: documents.flatMap(reader), problems: [] };
}

const placeAt = (lines: LineCounter, offset: number): string => {
  const { line, col } = lines.linePos(offset);
  return `${Math.max(1, line)}:${Math.max(1, col)}`;
};

type Found = Readonly<{ value: unknown; mark: Node }>;

function createReader(lines: LineCounter, yaml: Yaml) {
  const { isAlias, isMap, isNode, isScalar, isSeq } = yaml;

  /** What stands at a step of a path, and what marks its place: its key, or itself in a list. */
  function find(node: unknown, step: Step): Found | undefined {
    if (isSeq(node)) {
      const item = node.items[Number(step)];
      return isNode(item) ? { value: item, mark: item } : undefined;
    }
    if (!isMap(node)) return undefined;
    const pair = node.items.find(({ key }) => isScalar(key) && isNamed(key.value, step));
    return pair && isNode(pair.key) ? { value: pair.value, mark: pair.key } : undefined;
  }

  /** The mark of the last step that can be found. */
  function markAt(document: Document, from: Found, [step, ...rest]: readonly Step[]): Node {
    const node = isAlias(from.value) ? from.value.resolve(document) : from.value;
    const found = step === undefined ? undefined : find(node, step);
    return found ? markAt(document, found, rest) : from.mark;
  }

  function placeOf(document: Document, root: Node, steps: readonly Step[]): string {
    const { range } = markAt(document, { value: root, mark: root }, steps);
    return placeAt(lines, range?.[0] ?? 0);
  }

  return (document: Document): Entry[] => {
    const root = document.contents;
    if (!root || (isScalar(root) && root.value === null)) return [];
    const json: JsonValue = document.toJS();
    if (!isSeq(root)) return [{ json, placeOf: (path) => placeOf(document, root, stepsOf(path)) }];
    return (json as JsonValue[]).map((item, at) => ({
      json: item,
      placeOf: (path) => placeOf(document, root, [at, ...stepsOf(path)]),
    }));
  };
}

/** `memory_bytes` in the contract is `memoryBytes` in JSON, and a file may say either. */
const isNamed = (key: unknown, step: Step): boolean =>
  String(key) === String(step) || camelCase(String(key)) === camelCase(String(step));
