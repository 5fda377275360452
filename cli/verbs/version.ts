import type { Command } from "commander";
import { assert } from "../../lib/assert.ts";
import { CommandError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { formatDocument } from "../output/document.ts";
import { addFormatFlag, type Format } from "../output/output-flags.ts";
import { formatFields } from "../output/table.ts";
import { printLine } from "../terminal.ts";
import { version } from "../version.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";

type VersionFlags = Readonly<{ output: Format; client?: true }>;

export const versionCommand = (run: Run): Command =>
  addFormatFlag(clientCommand("version"), ["table", "json", "yaml"], "table")
    .summary("show the versions of this command and of the manager")
    .description("Show the versions of this command and of the manager, if one answers.")
    .option("--client", "ask no manager")
    .action((flags: VersionFlags) => run((context) => showVersion(context, flags)));

async function showVersion(context: Context, flags: VersionFlags): Promise<ExitCode> {
  const manager = flags.client ? undefined : await managerVersion(context, flags);
  const found = { client: version, ...(manager === undefined ? {} : { manager }) };
  context.terminal.stdout.write(
    flags.output === "json" || flags.output === "yaml"
      ? await formatDocument(flags.output, found)
      : formatFields(Object.entries(found)),
  );
  return exitCodes.ok;
}

/** Undefined, and a word on stderr, when no manager answers. */
async function managerVersion(context: Context, flags: VersionFlags): Promise<string | undefined> {
  let answer: string | undefined;
  try {
    await withManager(context, flags, async (manager) => {
      const { cluster } = await manager.getCluster({}, callOf(context));
      assert(cluster, "the manager answers with the cluster");
      answer = cluster.version;
      return exitCodes.ok;
    });
  } catch (error) {
    const isAway = error instanceof CommandError && error.exitCode === exitCodes.unreachable;
    if (!isAway) throw error;
    printLine(context.terminal.stderr, error.message);
  }
  return answer;
}
