import { isMap, isScalar, LineCounter, type Pair, parseDocument, stringify } from "yaml";
import { didYouMean } from "../../lib/nearest.ts";
import { usageError } from "../command-error.ts";
import { parseAddresses } from "../parse/address.ts";
import { type Contexts, type NamedCluster, problemOfName } from "./contexts.ts";

const HEADING = " Clusters that berth knows by name. See: berth context --help";

export function formatContexts({ current, clusters }: Contexts): string {
  const named = [...clusters].map(([name, { addr, description }]) => [
    name,
    description === "" ? { addr } : { addr, description },
  ]);
  const content = {
    ...(current !== undefined && { current }),
    contexts: Object.fromEntries(named),
  };
  return `#${HEADING}\n${stringify(content)}`;
}

/** Throws a usage error that names file and line of whatever is wrong, unknown names included. */
export function parseContexts(path: string, content: string): Contexts {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines });
  const at = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const syntax = document.errors.map(
    ({ pos, message }) => `${at(pos[0])}: ${message.split("\n")[0]}`,
  );
  if (syntax.length > 0) throw usageError(syntax, ["mend its YAML, or remove the file"]);
  const reading = createReading(path, at);
  for (const pair of pairsIn(document.contents, () => reading.complainOfAll(SHAPE)))
    readEntry(pair, reading);
  return reading.finish();
}

const SHAPE = "must be lines of NAME: { addr: HOST:PORT } under contexts:";
const ENTRIES = ["addr", "description"];

type Reading = ReturnType<typeof createReading>;

/** What has been read so far, and what is wrong with it. */
function createReading(path: string, at: (offset: number) => string) {
  const problems: string[] = [];
  const clusters = new Map<string, NamedCluster>();
  let current: string | undefined;
  return {
    clusters,
    complain: (pair: Pair, problem: string) =>
      void problems.push(`${at(offsetOf(pair))}: ${problem}`),
    complainOfAll: (problem: string) => void problems.push(`${path}: ${problem}`),
    choose: (name: string) => {
      current = name === "" ? undefined : name;
    },
    finish(): Contexts {
      if (problems.length > 0) throw usageError(problems);
      return { current, clusters };
    },
  };
}

function readEntry(pair: Pair, reading: Reading): void {
  const key = textOf(pair.key);
  if (key === "current") reading.choose(textOf(pair.value));
  else if (key === "contexts")
    for (const entry of pairsIn(pair.value, () => reading.complain(pair, SHAPE)))
      readCluster(entry, reading);
  else reading.complain(pair, `${key}: ${noEntry(key, ["current", "contexts"])}`);
}

function readCluster(entry: Pair, { complain, clusters }: Reading): void {
  const name = textOf(entry.key);
  const found = new Map<string, string>();
  for (const pair of pairsIn(entry.value, () => complain(entry, SHAPE))) {
    const key = textOf(pair.key);
    if (ENTRIES.includes(key)) found.set(key, textOf(pair.value));
    else complain(pair, `${name}.${key}: ${noEntry(key, ENTRIES)}`);
  }
  const problem = problemOfName(name);
  if (problem !== undefined) complain(entry, `context ${problem}`);
  const addr = parseAddresses(found.get("addr") ?? "");
  if (addr.kind === "malformed") complain(entry, `${name}.addr ${addr.problem}`);
  else clusters.set(name, { addr: addr.value, description: found.get("description") ?? "" });
}

const noEntry = (key: string, known: readonly string[]): string =>
  `no such entry${didYouMean(key, known) || `: must be ${known.join(" or ")}`}`;

function pairsIn(node: unknown, complain: () => void): readonly Pair[] {
  if (isMap(node)) return node.items;
  if (node !== null && !(isScalar(node) && node.value === null)) complain();
  return [];
}

const textOf = (node: unknown): string =>
  isScalar(node) && node.value !== null ? String(node.value) : "";
const offsetOf = ({ key }: Pair): number => (isScalar(key) ? (key.range?.[0] ?? 0) : 0);
