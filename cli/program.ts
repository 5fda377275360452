import { Command, CommanderError } from "commander";
import { CommandError } from "./command-error.ts";
import type { Context } from "./context.ts";
import { type ExitCode, exitCodeHelp, exitCodes } from "./exit-codes.ts";
import { oneLine } from "./output/format.ts";
import { printError } from "./print-error.ts";
import { printLine } from "./terminal.ts";
import { apiCommand } from "./verbs/api.ts";
import { attachCommand } from "./verbs/attach.ts";
import { activateCommand, drainCommand, pauseCommand } from "./verbs/availability.ts";
import { backupCommand } from "./verbs/backup.ts";
import type { Run } from "./verbs/client-verb.ts";
import { clusterCommand } from "./verbs/cluster.ts";
import { completeCommand, completionCommand } from "./verbs/completion.ts";
import { contextCommand } from "./verbs/context.ts";
import { cpCommand } from "./verbs/cp.ts";
import { diffCommand } from "./verbs/diff.ts";
import { doctorCommand } from "./verbs/doctor.ts";
import { eventsCommand } from "./verbs/events.ts";
import { execCommand } from "./verbs/exec.ts";
import { healthCommand } from "./verbs/health.ts";
import { inspectCommand } from "./verbs/inspect.ts";
import { labelCommand } from "./verbs/label.ts";
import { logsCommand } from "./verbs/logs.ts";
import { managerCommand } from "./verbs/manager.ts";
import { migrateCommand } from "./verbs/migrate.ts";
import { overcommitCommand } from "./verbs/overcommit.ts";
import { planCommand } from "./verbs/plan.ts";
import { psCommand } from "./verbs/ps.ts";
import { rebalanceCommand } from "./verbs/rebalance.ts";
import { registryCommand } from "./verbs/registry.ts";
import { restoreCommand } from "./verbs/restore.ts";
import { rmCommand } from "./verbs/rm.ts";
import { runCommand } from "./verbs/run.ts";
import { serverCommand } from "./verbs/server.ts";
import { simCommand } from "./verbs/sim.ts";
import { statsCommand } from "./verbs/stats.ts";
import { stopCommand } from "./verbs/stop.ts";
import { topCommand } from "./verbs/top.ts";
import { upCommand } from "./verbs/up.ts";
import { versionCommand } from "./verbs/version.ts";
import { whyCommand } from "./verbs/why.ts";
import { workerCommand } from "./verbs/worker.ts";
import { workersCommand } from "./verbs/workers.ts";
import { version } from "./version.ts";

/** Runs the command line `args` and answers with the exit code of the process. Never throws. */
export async function runProgram(args: readonly string[], context: Context): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const program = createProgram(async (verb) => {
    exitCode = await verb(context);
  });
  printThrough(program, context);
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return exitCodeOfFailure(error, context);
  }
}

/** The whole command line. `run` is given what to do when a verb was typed. */
export function createProgram(run: Run): Command {
  const program = new Command("berth")
    .description("Run containers on a fleet of machines.")
    .version(version, "-V, --version", "print the version of this command")
    .enablePositionalOptions()
    .helpCommand(true)
    .addHelpText("after", `\nBegin with: berth up\n\n${exitCodeHelp}`);
  for (const [group, commands] of groupsOf(run))
    for (const command of commands) program.addCommand(command.helpGroup(group));
  program.addCommand(completeCommand(run), { hidden: true });
  for (const command of program.commands) helpAfterError(command, command.name());
  return program.showHelpAfterError("  see: berth --help");
}

/** The verbs, in the order in which help lists them. */
const groupsOf = (run: Run): readonly (readonly [string, readonly Command[]])[] => [
  ["Tasks:", taskVerbs(run)],
  ["Cluster:", clusterVerbs(run)],
  ["Servers:", serverCommands(run)],
  ["Proof:", [simCommand(run)]],
];

const taskVerbs = (run: Run): readonly Command[] => [
  runCommand(run),
  psCommand(run),
  inspectCommand(run),
  whyCommand(run),
  planCommand(run),
  logsCommand(run),
  execCommand(run),
  attachCommand(run),
  cpCommand(run),
  eventsCommand(run),
  diffCommand(run),
  statsCommand(run),
  stopCommand(run),
  rmCommand(run),
];

const clusterVerbs = (run: Run): readonly Command[] => [
  workersCommand(run),
  topCommand(run),
  drainCommand(run),
  pauseCommand(run),
  activateCommand(run),
  labelCommand(run),
  overcommitCommand(run),
  rebalanceCommand(run),
  clusterCommand(run),
  healthCommand(run),
  doctorCommand(run),
  contextCommand(run),
  completionCommand(run),
  apiCommand(run),
  versionCommand(run),
];

const serverCommands = (run: Run): readonly Command[] => [
  upCommand(run),
  serverCommand(run),
  managerCommand(run),
  registryCommand(run),
  workerCommand(run),
  backupCommand(run),
  restoreCommand(run),
  migrateCommand(run),
];

function helpAfterError(command: Command, path: string): void {
  command.showHelpAfterError(`  see: berth ${path} --help`);
  for (const each of command.commands) helpAfterError(each, `${path} ${each.name()}`);
}

/** Commander's own words go where the verbs' go, and it never ends the process. */
function printThrough(command: Command, { terminal }: Pick<Context, "terminal">): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text) => terminal.stdout.write(text),
    writeErr: (text) => terminal.stderr.write(text),
    getOutHelpWidth: () => terminal.columns,
    getErrHelpWidth: () => terminal.columns,
  });
  for (const each of command.commands) printThrough(each, { terminal });
}

function exitCodeOfFailure(error: unknown, { terminal, interrupted }: Context): ExitCode {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof CommandError) {
    printError(terminal, error);
    return error.exitCode;
  }
  if (interrupted.aborted) return exitCodes.interrupted;
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  printLine(terminal.stderr, `error: a bug in berth, please report it: ${oneLine(trace)}`);
  return exitCodes.error;
}
