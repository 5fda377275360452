import { readFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { fileURLToPath } from "node:url";

/** Where something is in a file: lines and columns begin at 1. */
type Position = Readonly<{ line: number; column: number }>;

/** The text of a file. Throws when there is none. */
export type ReadText = (path: string) => string;

/**
 * Makes stacks name the files that people wrote, from the maps beside the files that run. As Node's
 * own --enable-source-maps does it, but a map is read when the first stack asks for it: Node reads
 * them all while it starts, which was a sixth of what a short command takes.
 */
export function mapStacks(): void {
  const originOf = createOrigins((path) => readFileSync(path, "utf8"));
  Error.prepareStackTrace = (error, sites) =>
    [headOf(error), ...sites.map((site) => frameOf(site, originOf))].join("\n    at ");
}

/** As V8 says it itself. What a program makes of an error's name may throw. */
function headOf(error: unknown): string {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "<error>";
  }
}

function frameOf(site: NodeJS.CallSite, originOf: Origins): string {
  const frame = String(site);
  const [file, line, column] = [site.getFileName(), site.getLineNumber(), site.getColumnNumber()];
  if (!file?.startsWith("file:") || line === null || column === null) return frame;
  const origin = originOf(file, { line, column });
  return origin === undefined ? frame : frame.replace(`${file}:${line}:${column}`, () => origin);
}

/** Where a position comes from, as `path:line:column`. Undefined when nothing says so. */
export type Origins = (fileUrl: string, position: Position) => string | undefined;

export function createOrigins(readText: ReadText): Origins {
  const maps = new Map<string, SourceMap | undefined>();

  function mapOf(fileUrl: string): SourceMap | undefined {
    if (!maps.has(fileUrl)) maps.set(fileUrl, readMap(fileUrl, readText));
    return maps.get(fileUrl);
  }

  return (fileUrl, { line, column }) => {
    const entry = mapOf(fileUrl)?.findEntry(line - 1, column - 1);
    if (entry === undefined || !("originalSource" in entry)) return undefined;
    const path = fileURLToPath(new URL(entry.originalSource, fileUrl));
    return `${path}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  };
}

/**
 * A stack is told without a map rather than not at all. Files that hold nothing but packages have
 * none: grpc-js asks for a stack at every call that fails, and its map alone takes 7 MB of memory.
 */
function readMap(fileUrl: string, readText: ReadText): SourceMap | undefined {
  try {
    const map: SourceMapPayload = JSON.parse(readText(`${fileURLToPath(fileUrl)}.map`));
    return map.sources.every(isOfPackage) ? undefined : new SourceMap(map);
  } catch {
    return undefined;
  }
}

const isOfPackage = (source: string): boolean => source.includes("/node_modules/");
