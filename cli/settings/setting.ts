import { Option } from "commander";
import { malformed, type Parsed, parsed } from "../parse/parsed.ts";

/**
 * Something a user can set: by flag, by environment variable or in a file, in
 * this order. One name serves all three: `--state-dir`, `BERTH_STATE_DIR`, `state-dir:`.
 */
export type Setting<T> = Readonly<{
  /** In kebab-case, unique over all verbs. */
  name: string;
  /** Where a verb has its own shorter flag: `listen` for `manager-listen`. Absent: the name. */
  flag?: string;
  short?: string;
  /** Absent: `BERTH_` and the name in capitals. */
  variable?: string;
  /** What stands for the value in help. Absent: a switch, without a value. */
  valueName?: string;
  help: string;
  /** Whether it can be given several times, is split at commas in the environment and is a list in files. */
  isList?: boolean;
  /** Texts in the order they were given, at least one. */
  parse: (texts: readonly string[]) => Parsed<T>;
  fallback: T;
  /** The default in words. Absent: there is none to tell of. */
  fallbackText?: string;
}>;

type Definition<T> = Omit<Setting<T>, "parse"> & {
  readonly parseText: (text: string) => Parsed<T>;
};

/** A setting with one value: of several the last one counts. */
export function single<T>({ parseText, ...rest }: Definition<T>): Setting<T> {
  return { ...rest, parse: (texts) => parseText(texts.at(-1) ?? "") };
}

/** A setting with one value, or none. */
export const optional = <T>(
  definition: Pick<Setting<T>, "name" | "help" | "valueName" | "variable" | "fallbackText">,
  parseText: (text: string) => Parsed<T>,
): Setting<T | undefined> =>
  single<T | undefined>({ ...definition, parseText, fallback: undefined });

/** A setting that is on or off, and off by default. */
export const toggle = (name: string, help: string): Setting<boolean> =>
  single({ name, help, parseText: parseToggle, fallback: false, fallbackText: "off" });

function parseToggle(text: string): Parsed<boolean> {
  if (["true", "yes", "on", "1"].includes(text.toLowerCase())) return parsed(true);
  if (["false", "no", "off", "0", ""].includes(text.toLowerCase())) return parsed(false);
  return malformed(text, "must be true or false");
}

/** The same setting under a flag of its own. */
export const withFlag = <T>(setting: Setting<T>, flag: string): Setting<T> => ({
  ...setting,
  flag,
});

export const variableOf = <T>({ name, variable }: Setting<T>): string =>
  variable ?? `BERTH_${name.replaceAll("-", "_").toUpperCase()}`;

export const flagOf = <T>({ name, flag }: Setting<T>): string => `--${flag ?? name}`;

/** The setting as a flag of a verb. Its value stays text: `resolve` parses it. */
export function optionOf<T>(setting: Setting<T>): Option {
  const { short, valueName, isList, help, fallbackText } = setting;
  const flags = `${short ? `-${short}, ` : ""}${flagOf(setting)}`;
  const notes = [
    ...(fallbackText === undefined ? [] : [`default: ${fallbackText}`]),
    `env: ${variableOf(setting)}`,
  ];
  const value = valueName === undefined ? "" : ` <${valueName}>`;
  const option = new Option(flags + value, `${help} (${notes.join(", ")})`);
  return isList
    ? option.argParser((text: string, sofar: readonly string[] = []) => [...sofar, text])
    : option;
}
