import { type Command, Option } from "commander";

const listFormats = ["table", "wide", "json", "yaml", "name"] as const;
export type Format = (typeof listFormats)[number];

/** How a verb prints its data. */
export type OutputFlags = Readonly<{
  output: Format;
  headers: boolean;
  trunc: boolean;
}>;

/** Adds the flags of a verb that lists things. */
export function addListFlags(command: Command, defaultFormat: Format = "table"): Command {
  return addFormatFlag(command, listFormats, defaultFormat)
    .option("--no-headers", "leave the line of column titles out")
    .option("--no-trunc", "do not shorten what is longer than the screen is wide");
}

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
