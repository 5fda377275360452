import { Argument, Command } from "commander";
import { candidatesFor } from "../completion/candidates.ts";
import { completionScripts, type Shell, shells } from "../completion/scripts.ts";
import { type Candidate, wantedAt } from "../completion/wanted.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { Flags } from "../settings/resolve.ts";
import type { Run } from "./client-verb.ts";

export const completionCommand = (run: Run): Command =>
  new Command("completion")
    .summary("print what makes a shell complete berth's words")
    .description(
      "Print what makes a shell complete verbs, flags, and the tasks, workers and contexts that there are:\n" +
        "  bash:  source <(berth completion bash)\n" +
        "  zsh:   source <(berth completion zsh)\n" +
        "  fish:  berth completion fish | source",
    )
    .addArgument(new Argument("<shell>", "which one").choices(shells))
    .action((shell: Shell) =>
      run(async ({ terminal }) => {
        terminal.stdout.write(completionScripts[shell]);
        return exitCodes.ok;
      }),
    );

/** What the scripts ask: a line for each word that may be typed, its meaning after a tab. */
export const completeCommand = (run: Run): Command =>
  new Command("__complete")
    .argument("[words...]")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action((words: string[], _flags: object, self: Command) =>
      run((context) => complete(context, self.parent ?? self, words)),
    );

async function complete(
  context: Context,
  program: Command,
  words: readonly string[],
): Promise<ExitCode> {
  const wanted = wantedAt(program, words);
  const typed = words.at(-1) ?? "";
  if (wanted.kind === "files") print(context, [FILES]);
  if (wanted.kind === "words") print(context, beginningWith(typed, wanted.words));
  if (wanted.kind === "named") {
    const { what } = wanted;
    const isOfHere = what === "place" && /^[./~]/.test(typed);
    const asked = { what, typed, flags: flagsIn(words) };
    const found = isOfHere ? [] : await candidatesFor(context, asked);
    print(context, [...(what === "place" ? [FILES] : []), ...beginningWith(typed, found)]);
  }
  return exitCodes.ok;
}

/** Has the shell add its own. */
const FILES: Candidate = { value: ":files", description: "" };

const beginningWith = (typed: string, found: readonly Candidate[]) =>
  found.filter(({ value }) => value.startsWith(typed));

function print({ terminal }: Context, found: readonly Candidate[]): void {
  const lines = found.map(({ value, description }) => `${value}\t${description}\n`);
  terminal.stdout.write(lines.join(""));
}

/** The flags that say which cluster is meant, as far as they are typed. */
function flagsIn(words: readonly string[]): Flags {
  const read = (flag: string) => {
    const at = words.indexOf(`--${flag}`);
    const joined = words.find((word) => word.startsWith(`--${flag}=`));
    return at === -1 ? joined?.slice(flag.length + 3) : words[at + 1];
  };
  const named = ["addr", "context", "config"].map((flag) => [flag, read(flag)] as const);
  return Object.fromEntries(named.filter(([, value]) => value !== undefined));
}
