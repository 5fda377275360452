import type { Command } from "commander";
import { TarError } from "../../lib/tar/tar-entry.ts";
import { CommandError, usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import type { CopyWork } from "../copy/copy-work.ts";
import { fetchFiles } from "../copy/fetch-files.ts";
import { type Place, parsePlace, type TaskPlace } from "../copy/place.ts";
import { sendFiles } from "../copy/send-files.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { oneLine } from "../output/format.ts";
import { parseWhole } from "../parse/parsed.ts";
import { createProgress } from "../progress.ts";
import { systemRemedies } from "../system-remedies.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";

type CpFlags = Readonly<{ followLink?: true; attempt?: string; quiet?: true }>;

export const cpCommand = (run: Run): Command =>
  clientCommand("cp")
    .summary("copy files from or to a task's container")
    .description(
      "Copy a file or a folder from or to a task's container, wherever it runs and whatever its image has, also of one " +
        "that has ended. As with cp -r: into a folder that is there, else under the name given; FOLDER/. is what is in a " +
        "folder; - is a tar archive on standard input or output. Permissions and times are kept, owners are not.",
    )
    .argument("<from>", "TASK:PATH, a path of this machine, or -")
    .argument("<to>", "the same; one of the two is TASK:PATH")
    .option("-L, --follow-link", "copy what FROM leads to, if it is a link")
    .option(
      "--attempt <number>",
      "of an earlier attempt, see: berth inspect (default: the latest that has a container)",
    )
    .option("-q, --quiet", "print nothing when all went well")
    .action((from: string, to: string, flags: CpFlags) =>
      run((context) => cp(context, { ends: endsOf(from, to), flags })),
    );

/** Which way it goes: one end is a task's, the other is not. */
type Ends =
  | Readonly<{ kind: "fetch"; task: TaskPlace; other: Exclude<Place, TaskPlace> }>
  | Readonly<{ kind: "send"; task: TaskPlace; other: Exclude<Place, TaskPlace> }>;

function endsOf(fromText: string, toText: string): Ends {
  const [from, to] = [parsePlace(fromText), parsePlace(toText)];
  if (from.kind === "task" && to.kind !== "task") return { kind: "fetch", task: from, other: to };
  if (to.kind === "task" && from.kind !== "task") return { kind: "send", task: to, other: from };
  const which = to.kind === "task" ? "both FROM and TO are" : "neither FROM nor TO is";
  throw usageError(
    [`${which} of a task: one must be`],
    ["such as: berth cp web:/var/log ./log", "or: berth cp ./site web:/srv"],
  );
}

type Asked = Readonly<{ ends: Ends; flags: CpFlags }>;

async function cp(context: Context, { ends, flags }: Asked): Promise<ExitCode> {
  const { attempt: number } = flags;
  const attempt =
    number === undefined ? 0 : flagValue("--attempt", parseWhole(number, 1, 2 ** 32 - 1));
  const progress = createProgress(context, { quiet: flags.quiet === true });
  return withManager(context, flags, async (manager) => {
    const { id: taskId } = await findTask(manager, ends.task.task, callOf(context));
    const files = await context.openFiles();
    const container = { taskId, attempt };
    const follow = flags.followLink === true;
    await copy({ context, manager, files, container, follow, progress }, ends);
    progress.end();
    return exitCodes.ok;
  });
}

async function copy(work: CopyWork, ends: Ends): Promise<void> {
  try {
    if (ends.kind === "fetch") await fetchFiles(work, ends.task, ends.other);
    else await sendFiles(work, ends.other, ends.task);
  } catch (error) {
    work.progress.clear();
    throw isOfFiles(error) ? refusedByDisk(error) : error;
  }
}

function refusedByDisk(error: Error): CommandError {
  const [remedy = "choose another place for the copy"] = systemRemedies([error]);
  return new CommandError(oneLine(error.message), { cause: error, remedies: [remedy] });
}

/** What is wrong with an archive, or with this machine's disk, is no bug. */
const isOfFiles = (error: unknown): error is Error =>
  error instanceof TarError ||
  (typeof error === "object" && error !== null && "syscall" in error && "path" in error);
