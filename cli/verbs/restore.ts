import type { Command } from "commander";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import type { Flags } from "../settings/resolve.ts";
import { printLine } from "../terminal.ts";
import type { Run } from "./client-verb.ts";
import { copying, formatPlace, placeOf, placeShape, storeCommand } from "./store-verb.ts";

/** In place of a file: what another program prints. */
const STDIN = { argument: "-", path: "/dev/stdin" };

export const restoreCommand = (run: Run): Command =>
  storeCommand("restore", placeShape)
    .summary("make a manager's store of a backup")
    .description(
      "Make a manager's store of a backup, where there is none yet. What happened since the " +
        "backup is forgotten: containers of tasks that it does not know are stopped. See docs/backup.md.",
    )
    .argument("<file>", "what `berth backup` wrote; - is stdin")
    .action((path: string, flags: Flags) => run((context) => restore(context, path, flags)));

async function restore(context: Context, file: string, flags: Flags): Promise<ExitCode> {
  const path = file === STDIN.argument ? STDIN.path : file;
  const to = await placeOf(context, flags);
  return copying(context, "the restore failed", async (copies, deps) => {
    const { clusterId, tasks, time } = await copies.restore({ path, to }, deps);
    const what = `cluster ${clusterId}, tasks: ${tasks}, as it was at ${time}`;
    printLine(context.terminal.stdout, `${what}, in ${formatPlace(to)}`);
  });
}
