import { type Command, Option } from "commander";

const listFormats = ["table", "wide", "json", "yaml", "name"] as const;
export type Format = (typeof listFormats)[number];

/** How a verb prints its data. */
export type OutputFlags = Readonly<{
  output: Format;
  headers: boolean;
  trunc: boolean;
  /** A template for each thing, instead of `output`. */
  format?: string;
}>;

/** Adds the flags of a verb that lists things. */
export function addListFlags(command: Command, defaultFormat: Format = "table"): Command {
  return addFormatFlag(command, listFormats, defaultFormat)
    .addOption(templateOption("{{.ID}}, as docker ps --format"))
    .addOption(new Option("-q, --quiet", "print IDs only, as -o name").implies({ output: "name" }))
    .option("--no-headers", "leave the line of column titles out")
    .option("--no-trunc", "do not shorten what is longer than the screen is wide");
}

/** `--format` with an example of a hole. */
const templateOption = (example: string): Option =>
  new Option("--format <template>", `how to print each, such as ${example}`).conflicts([
    "output",
    "quiet",
  ]);

/** Adds `-o` with some of the formats. */
export const addFormatFlag = (
  command: Command,
  formats: readonly Format[],
  defaultFormat: Format,
): Command =>
  command.addOption(
    new Option("-o, --output <format>", "how to print the data")
      .choices(formats)
      .default(defaultFormat),
  );

/** How a verb prints that shows a page about something. */
export type PageFlags = Readonly<{
  output: Format;
  /** A template for it, instead of `output`. */
  format?: string;
}>;

/** Adds the flags of a verb that shows a page about something. */
export const addPageFlags = (command: Command): Command =>
  addFormatFlag(command, ["table", "json", "yaml"], "table").addOption(
    templateOption("{{.id}}, or {{json .spec}}: fields as -o json has them"),
  );
