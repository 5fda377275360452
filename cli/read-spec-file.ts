import { fromJson } from "@bufbuild/protobuf";
import { type TaskSpec, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import type { FieldViolation } from "../lib/errors.ts";
import { violationsIn } from "../lib/http/json-violations.ts";
import { usageError } from "./command-error.ts";
import type { Context } from "./context.ts";
import { noSuchFile } from "./no-file.ts";
import { oneLine } from "./output/format.ts";
import { type Entry, entriesIn } from "./spec-document.ts";
import { fromWords } from "./spec-words.ts";
import { isTaskSpecFlag } from "./verbs/run-flags.ts";

/** A task that a file describes. */
export type FileSpec = Readonly<{
  spec: TaskSpec;
  /** A field of it as people find it: `tasks.yaml:3:5: limit.memory_bytes`. */
  placed: (field: string) => string;
}>;

/** Stands for standard input, as a file. */
const STDIN = "-";

/** More than the tasks of a call may take. */
const STDIN_BYTES_MAX = 16 * 1024 * 1024;

/**
 * The tasks in some files, in their order. Whatever is wrong with any of them is told together, with
 * its line and column.
 */
export async function readSpecFiles(
  context: Context,
  paths: readonly string[],
): Promise<readonly FileSpec[]> {
  if (paths.filter((path) => path === STDIN).length > 1)
    throw usageError(["--file - can be read once: give it once"]);
  const read = await Promise.all(paths.map((path) => readSpecFile(context, path)));
  const problems = read.flatMap((each) => each.problems);
  if (problems.length > 0) throw usageError(problems);
  return read.flatMap(({ specs }) => specs);
}

/** A task comes from a file or from the command line: one would hide what the other says. */
export function refuseBeside(image: string | undefined, flags: object): void {
  const isDescribed = Object.keys(flags).some((name) => isTaskSpecFlag(name) || name === "count");
  if (image !== undefined || isDescribed)
    throw usageError(["--file says all about its tasks: leave IMAGE and the flags of a task out"]);
}

type FileSpecs = Readonly<{ specs: readonly FileSpec[]; problems: readonly string[] }>;

/**
 * The tasks in a file of YAML or JSON, in Protobuf's JSON of `TaskSpec`, as `berth run --dry-run`
 * prints it: one a document, or a list of them. What the contract does not know is refused.
 */
async function readSpecFile(context: Context, path: string): Promise<FileSpecs> {
  const text = path === STDIN ? await readStdin(context) : await context.readText(path);
  if (text === undefined) return { specs: [], problems: [noSuchFile(`--file ${path}`)] };
  const name = path === STDIN ? "<stdin>" : path;
  const { entries, problems } = await entriesIn(text);
  if (problems.length > 0)
    return { specs: [], problems: problems.map((problem) => `${name}:${problem}`) };
  if (entries.length === 0) return { specs: [], problems: [noTask(path)] };
  const read = entries.map((entry) => specOf(entry, name));
  return {
    specs: read.flatMap(({ specs }) => specs),
    problems: read.flatMap((each) => each.problems),
  };
}

const noTask = (path: string): string =>
  `--file ${path}: has no task: write one, as berth run --dry-run -o yaml IMAGE prints it`;

async function readStdin({ terminal, interrupted }: Context): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of terminal.stdin.read(interrupted)) {
    length += piece.byteLength;
    if (length > STDIN_BYTES_MAX)
      throw usageError([`--file -: is longer than ${STDIN_BYTES_MAX} bytes: split it`]);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function specOf({ json, placeOf }: Entry, name: string): FileSpecs {
  const placed = (field: string): string => `${name}:${placeOf(field)}: ${field}`;
  const words = fromWords(TaskSpecSchema, json);
  const problemOf = ({ field, description }: FieldViolation): string =>
    field === "body"
      ? `${name}:${placeOf("")}: ${description}`
      : `${placed(field)}: ${description}`;
  const told = (violations: readonly FieldViolation[]): FileSpecs => ({
    specs: [],
    problems: violations.map((each) => oneLine(problemOf(each))),
  });
  try {
    const spec = fromJson(TaskSpecSchema, words.json);
    return words.violations.length > 0
      ? told(words.violations)
      : { specs: [{ spec, placed }], problems: [] };
  } catch (error) {
    return told([...words.violations, ...violationsIn(TaskSpecSchema, words.json, error)]);
  }
}
