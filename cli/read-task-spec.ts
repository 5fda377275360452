import { usageError } from "./command-error.ts";
import type { Context } from "./context.ts";
import { noSuchFile } from "./no-file.ts";
import {
  type EnvFile,
  type TaskSpecFlags,
  type TaskSpecInit,
  taskSpecOf,
} from "./task-spec-flags.ts";

/** A task as it was typed: its flags, its image, and the arguments after that. */
export type AskedTask = Readonly<{ image: string; args: readonly string[]; flags: TaskSpecFlags }>;

/** The spec that a command line asks for, files that it names included. */
export async function readTaskSpec(context: Context, asked: AskedTask): Promise<TaskSpecInit> {
  const envFiles = await Promise.all(
    (asked.flags.envFile ?? []).map((path) => readEnvFile(context, path)),
  );
  return taskSpecOf({ ...asked, envFiles, environment: context.terminal.env });
}

async function readEnvFile({ readText }: Context, path: string): Promise<EnvFile> {
  const content = await readText(path);
  if (content === undefined) throw usageError([noSuchFile(`--env-file ${path}`)]);
  return { path, content };
}
