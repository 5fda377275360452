import type { Command } from "commander";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { execTask } from "../exec-task.ts";
import type { ExitCode } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { parseEnv } from "../parse/key-value.ts";
import { callOf, clientCommand, collect, flagValue, type Run, withManager } from "./client-verb.ts";

type ExecFlags = Readonly<{
  interactive?: true;
  tty?: true;
  env?: readonly string[];
  user?: string;
  workdir?: string;
}>;

export const execCommand = (run: Run): Command =>
  clientCommand("exec")
    .summary("run a process in a task's container")
    .description(
      "Run a process in a task's container, on whichever worker it is, and end with its exit code. " +
        "With -it it has this terminal; Ctrl-P Ctrl-Q leaves it to itself.",
    )
    .argument("<task>", "ID, beginning of an ID, or name")
    .argument("<command...>", "program and arguments; -- may stand before them")
    .passThroughOptions()
    .option("-i, --interactive", "pass on what is typed or piped here")
    .option("-t, --tty", "give it a terminal")
    .option(
      "-e, --env <key=value>",
      "environment variable; KEY alone passes yours on; repeatable",
      collect,
    )
    .option("-u, --user <user>", "run as this user or uid, with :group if wanted")
    .option("-w, --workdir <folder>", "run in this folder")
    .action((task: string, command: string[], flags: ExecFlags) =>
      run((context) => exec(context, { task, command, flags })),
    );

type Asked = Readonly<{ task: string; command: readonly string[]; flags: ExecFlags }>;

async function exec(context: Context, asked: Asked): Promise<ExitCode> {
  const { task: reference, flags } = asked;
  const process = processOf(context, asked);
  const act = async (manager: Parameters<Parameters<typeof withManager>[2]>[0]) => {
    const { id: taskId } = await findTask(manager, reference, callOf(context));
    return execTask(context, manager, { taskId, process });
  };
  return withManager(context, flags, act, (field) => FLAGS.get(field.replace(/\[.*/, "")));
}

function processOf({ terminal }: Context, { command, flags }: Asked) {
  const { stdin, env } = terminal;
  const [first, ...rest] = command;
  const words = first === "--" ? rest : command;
  const [tty, interactive] = [flags.tty === true, flags.interactive === true];
  if (tty && interactive && !stdin.isTty)
    throw usageError(
      ["-t needs a terminal to read from, and standard input is none"],
      ["leave -t out to pipe into the process: berth exec -i TASK -- COMMAND"],
    );
  const size = tty ? stdin.size() : undefined;
  const pairs = (flags.env ?? []).map((text) => flagValue("--env", parseEnv(text, env)));
  return {
    ...{ command: [...words], tty, stdin: interactive, env: Object.fromEntries(pairs) },
    ...{ user: flags.user ?? "", workingDir: flags.workdir ?? "" },
    ...(size && { size }),
  };
}

/** Which flag fills a field of the request. */
const FLAGS = new Map([
  ["start.process.command", "COMMAND"],
  ["start.process.env", "--env"],
  ["start.process.user", "--user"],
  ["start.process.working_dir", "--workdir"],
]);
