import type { DescField, DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import { didYouMean } from "../../lib/nearest.ts";
import { usageError } from "../command-error.ts";
import { camelCase, stepsOf } from "../field-path.ts";
import { jsonOf } from "./document.ts";
import { oneLine } from "./format.ts";
import { formatTable } from "./table.ts";

/** A hole of a template: what is put there, and whether as JSON. */
type Hole = Readonly<{ kind: "hole"; source: string; path: readonly string[]; isJson: boolean }>;
type Piece = Hole | Readonly<{ kind: "text"; text: string }>;

/** `--format`, read: a line for each thing, with holes that are filled from it. */
export type Template = Readonly<{ isTable: boolean; pieces: readonly Piece[] }>;

/** What there is to put into holes: the titles of a table's columns, and the fields of a message. */
export type Offer = Readonly<{ titles: readonly string[]; desc: DescMessage }>;

/** A thing to print: its cells by their columns' titles, and its JSON. */
export type Printable = Readonly<{ cells: Readonly<Record<string, string>>; json: JsonValue }>;

const TABLE = /^table\s+/;
const HOLE = /\{\{\s*(json\s+)?\.((?:[\w.-]|\[\d+\]|\["(?:[^"\\]|\\.)*"\])*)\s*\}\}/g;

/**
 * Reads what people know from `docker ps --format`: `{{.ID}}` is a column of the table in any of its
 * formats, `{{.spec.image}}` a field of the JSON, `{{json .spec}}` that part as JSON; `\t` and `\n`
 * are what they say, and a template that begins with `table` has aligned columns with titles.
 * Throws a usage error for what it cannot read, or nothing in the offer can fill.
 */
export function readTemplate(text: string, offer: Offer): Template {
  const isTable = TABLE.test(text);
  const body = text.replace(TABLE, "").replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of body.matchAll(HOLE)) {
    const [source, json, path = ""] = match;
    pieces.push(...textPiece(body.slice(end, match.index)));
    pieces.push({ kind: "hole", source, path: stepsOf(path).map(String), isJson: !!json });
    end = match.index + source.length;
  }
  pieces.push(...textPiece(body.slice(end)));
  for (const piece of pieces) if (piece.kind === "hole") check(piece, offer);
  return { isTable, pieces };
}

function textPiece(text: string): Piece[] {
  if (!/\{\{|\}\}/.test(text)) return text === "" ? [] : [{ kind: "text", text }];
  const words = "a hole must be {{.COLUMN}}, {{.field.of.json}} or {{json .field}}";
  throw usageError([`--format has ${JSON.stringify(text)}: ${words}`]);
}

function check(hole: Hole, { titles, desc }: Offer): void {
  if (titleIn(hole, titles) !== undefined) return;
  const names = titles.map(asName);
  const [first = ""] = hole.path;
  if (/^[A-Z]/.test(first)) throw unknown(hole, first, [...names, ...namesIn(desc)]);
  checkSteps(hole, desc, hole.path);
}

/** Follows the path through the contract. Throws where a name is wrong, with those that there are. */
function checkSteps(
  hole: Hole,
  desc: DescMessage | undefined,
  [step, ...rest]: readonly string[],
): void {
  if (step === undefined) return;
  const field = desc?.fields.find(({ jsonName, name }) => step === jsonName || step === name);
  if (!field) throw unknown(hole, step, namesIn(desc));
  if (field.fieldKind === "map" || isLeaf(field)) return;
  const [index, ...deeper] = rest;
  if (field.fieldKind !== "list") checkSteps(hole, field.message, rest);
  else if (index === undefined || /^\d+$/.test(index)) checkSteps(hole, field.message, deeper);
  else throw unknown(hole, index, ["0"]);
}

const namesIn = (message: DescMessage | undefined): readonly string[] =>
  message?.fields.map(({ jsonName }) => jsonName) ?? [];

/** Whether its JSON has no parts of its own that have names. */
const isLeaf = ({ message }: DescField): boolean =>
  message?.typeName.startsWith("google.protobuf.") ?? false;

function unknown({ source }: Hole, name: string, known: readonly string[]): Error {
  const hint =
    didYouMean(name, known) || (known.length > 0 ? `: choose one of ${known.join(", ")}` : "");
  return usageError([`--format ${source}: there is no ${name}${hint}`]);
}

/** What a template makes of messages that are shown as documents. */
export const formatHoles = <D extends DescMessage>(
  desc: D,
  messages: readonly MessageShape<D>[],
  text: string,
): string =>
  formatTemplate(
    readTemplate(text, { titles: [], desc }),
    messages.map((message) => ({ cells: {}, json: jsonOf(desc, message) })),
  );

/** What the template makes of the things. */
export function formatTemplate(
  { isTable, pieces }: Template,
  things: readonly Printable[],
): string {
  const lines = things.map((thing) =>
    pieces.map((piece) => (piece.kind === "text" ? piece.text : fill(piece, thing))).join(""),
  );
  if (!isTable) return lines.map((line) => `${line}\n`).join("");
  const titles = pieces.map((piece) => (piece.kind === "text" ? piece.text : titleOf(piece)));
  return formatTable(
    titles
      .join("")
      .split("\t")
      .map((title) => ({ title })),
    lines.map((line) => line.split("\t")),
    { headers: true, width: undefined },
  );
}

const titleOf = ({ path }: Hole): string =>
  (path.at(-1) ?? "JSON").replace(/([a-z])([A-Z])/g, "$1 $2").toUpperCase();

function fill(hole: Hole, { cells, json }: Printable): string {
  const title = titleIn(hole, Object.keys(cells));
  if (title !== undefined) return cells[title] ?? "";
  const value = hole.path.reduce<unknown>((part, step) => {
    const parts = part as Readonly<Record<string, unknown>> | undefined;
    return parts?.[step] ?? parts?.[camelCase(step)];
  }, json);
  if (hole.isJson) return JSON.stringify(value ?? null);
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : oneLine(String(value));
}

/** `{{.MemoryUsed}}` is the column MEMORY USED. The names of JSON begin with a small letter. */
function titleIn({ path, isJson }: Hole, titles: readonly string[]): string | undefined {
  const [name = ""] = path;
  if (isJson || path.length !== 1 || !/^[A-Z]/.test(name)) return undefined;
  return titles.find((title) => bare(title) === bare(name));
}

const bare = (name: string): string => name.replace(/[^A-Za-z0-9]/g, "").toUpperCase();

const asName = (title: string): string =>
  title
    .split(/[^A-Z0-9]+/)
    .map((word) => (word.length <= 2 ? word : word.slice(0, 1) + word.slice(1).toLowerCase()))
    .join("");
