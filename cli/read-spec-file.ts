import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type TaskSpec, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { usageError } from "./command-error.ts";
import type { Context } from "./context.ts";
import { isTaskSpecFlag } from "./verbs/run-flags.ts";

/** The tasks in some files, in their order. */
export async function readSpecFiles(
  context: Context,
  paths: readonly string[],
): Promise<readonly TaskSpec[]> {
  return (await Promise.all(paths.map((path) => readSpecFile(context, path)))).flat();
}

/** A task comes from a file or from the command line: one would hide what the other says. */
export function refuseBeside(image: string | undefined, flags: object): void {
  const isDescribed = Object.keys(flags).some((name) => isTaskSpecFlag(name) || name === "count");
  if (image !== undefined || isDescribed)
    throw usageError(["--file says all about its tasks: leave IMAGE and the flags of a task out"]);
}

/**
 * The tasks in a file of YAML or JSON, in Protobuf's JSON of `TaskSpec`, as `berth run --dry-run`
 * prints it: one a document, or a list of them. What the contract does not know is refused.
 */
async function readSpecFile({ readText }: Context, path: string): Promise<TaskSpec[]> {
  const text = await readText(path);
  if (text === undefined) throw usageError([`--file ${path}: there is no such file`]);
  const values = await parseAll(path, text);
  if (values.length === 0) throw usageError([`--file ${path}: has no task`]);
  return values.map((value, at) => specOf(value, `--file ${path}: task ${at + 1}`));
}

/** Loads the library when it is needed: it is a quarter of all modules. */
async function parseAll(path: string, text: string): Promise<readonly unknown[]> {
  const { parseAllDocuments } = await import("yaml");
  return [...parseAllDocuments(text)].flatMap((document): unknown[] => {
    const [error] = document.errors;
    if (error) throw usageError([`--file ${path}: ${error.message}`]);
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    return Array.isArray(value) ? value : [value];
  });
}

function specOf(value: unknown, at: string): TaskSpec {
  try {
    return fromJson(TaskSpecSchema, value as JsonValue);
  } catch (error) {
    throw usageError([`${at}: ${error instanceof Error ? error.message : error}`]);
  }
}
