import { posix } from "node:path";
import { CommandError } from "../command-error.ts";
import { oneLine } from "../output/format.ts";

/** There is nothing at a path of this machine, or of the container of `task`. */
export function missing(path: string, task?: string): CommandError {
  const list = `ls ${shellWord(posix.dirname(path))}`;
  return task === undefined
    ? refusal(`there is no ${path}`, `see what is there: ${list}`)
    : refusal(`there is no ${task}:${path}`, `see what is there: berth exec ${task} ${list}`);
}

/** What was typed as a folder is something else. */
export const noFolder = (shown: string): CommandError =>
  refusal(`${shown} is no folder`, "name a folder, or leave the slash at its end out");

export const refusal = (message: string, remedy: string): CommandError =>
  new CommandError(oneLine(message), { remedies: [oneLine(remedy)] });

const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
