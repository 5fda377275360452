import type { Command } from "commander";
import { exitCodeHelp } from "../exit-codes.ts";
import { createProgram } from "../program.ts";
import { variableOf } from "../settings/setting.ts";
import { allSettings } from "../settings/settings.ts";

const WIDTH = 100;

/** The reference of the command line as Markdown, made from what the program says of itself. */
export function formatReference(): string {
  const program = createProgram(() => Promise.resolve());
  const shown = program.createHelp().visibleCommands(program);
  const verbs = shown.filter((command) => command.name() !== "help");
  return [
    INTRODUCTION,
    "## Exit codes\n",
    codeBlock(exitCodeHelp.split("\n").slice(1).join("\n").replace(/^ {2}/gm, "")),
    "## Settings\n",
    SETTINGS,
    settingsTable(),
    "## Verbs\n",
    ...verbs.flatMap((verb) => verbSections(verb, `berth ${verb.name()}`)),
  ].join("\n");
}

const INTRODUCTION = `# The berth command

Made by \`UPDATE=1 make unit\` from the command's own help. Do not edit: a test compares.

\`berth up\` serves a whole cluster from one machine. In another terminal:

\`\`\`
$ berth run --wait --name web --publish 80 nginx:alpine
$ berth ps
$ berth logs --follow web
$ berth stop web
\`\`\`

- **Data on stdout, messages on stderr.** \`task=$(berth run nginx)\` holds the ID and nothing else.
- **Naming a task:** by its ID, by its name, or by the beginning of its ID, in this order. Of several
  tasks with one name it is the one that has not ended. What may mean several is refused, and they
  are listed.
- **\`-o json\`** is Protobuf's JSON of the messages in \`proto/berth/v1\`: 64-bit numbers are strings,
  enums are their names. Followed streams are a line of JSON each. \`-o name\` and \`-q\` print IDs only.
- **Which cluster:** \`--addr\`, else \`--context\`, else \`BERTH_ADDR\`, else \`BERTH_CONTEXT\`, else \`addr\` in the file of
  settings, else the current context of \`berth context\`, else this machine.
- **Several managers:** \`--addr\` takes a list, \`10.0.0.1:7070,10.0.0.2:7070\`, names with several addresses, and SRV names
  ([registries](registries.md#lists-of-addresses)). A call goes to the first that serves.
- **Colours** appear on a screen only, and not with \`NO_COLOR\` or \`TERM=dumb\`.
- **Ctrl-C** ends a wait or a stream, never a task. A server stops on the first SIGINT or SIGTERM,
  and ends at once on the second; containers go on in both cases.
- **\`berth why\`** answers in its first line, then says what would help, what speaks for and against each
  worker, and what came of each attempt. Its lines are broken to the width of the screen, never cut.
- **\`berth plan\`** ends with 0 when everything has a place, and with 2 when something has none or \`--n-plus-one\` does not
  hold. Files for \`-f\` are Protobuf's JSON of a task's spec, in YAML: what \`berth run --dry-run\` prints.
- **\`berth inspect\`** shows the names of environment variables. Their values are in \`-o json\`.
`;

const SETTINGS = `Each can be given as a flag, as a variable, or in a YAML file as \`name: value\`. A flag goes before a
variable, a variable before the file, the file before the default. The file is \`--config FILE\`, else
\`BERTH_CONFIG\`, else \`./berth.yaml\` if there is one. One file serves every verb; unknown names are refused.
\`berth manager\`, \`berth registry\` and \`berth worker\` call their own listen address \`--listen\`.
`;

function settingsTable(): string {
  const rows = allSettings.map(
    (setting) =>
      `| \`${setting.name}\` | \`${variableOf(setting)}\` | ${setting.fallbackText ?? "none"} | ${setting.help} |`,
  );
  return `${["| name | variable | default | what |", "|---|---|---|---|", ...rows].join("\n")}\n`;
}

/** Of a verb, and of the verbs within it. */
function verbSections(command: Command, path: string): readonly string[] {
  command.configureOutput({ getOutHelpWidth: () => WIDTH });
  const section = `### ${path}\n\n${codeBlock(command.helpInformation().trimEnd())}`;
  const inner = command.commands.filter((each) => each.name() !== "help");
  return [section, ...inner.flatMap((each) => verbSections(each, `${path} ${each.name()}`))];
}

const codeBlock = (text: string): string => `\`\`\`\n${text}\n\`\`\`\n`;
