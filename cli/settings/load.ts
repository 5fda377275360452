import { Option } from "commander";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { noSuchFile } from "../no-file.ts";
import type { ConfigFile } from "./config-file.ts";
import { type Flags, resolve, type Shape, type Values } from "./resolve.ts";
import { knownNames } from "./settings.ts";

const VARIABLE = "BERTH_CONFIG";
const DEFAULT_PATH = "berth.yaml";

export const configOption = (): Option =>
  new Option(
    "--config <file>",
    `file of settings, NAME: VALUE (default: ./${DEFAULT_PATH} if there is one, env: ${VARIABLE})`,
  );

/** The values of a verb's settings from flags, environment, file and defaults. */
export async function loadSettings<S extends Shape>(
  shape: S,
  flags: Flags,
  context: Context,
): Promise<Values<S>> {
  const { env } = context.terminal;
  return resolve(shape, { flags, env, file: await loadConfigFile(flags, context) });
}

async function loadConfigFile(flags: Flags, context: Context): Promise<ConfigFile> {
  const asked = flags["config"] ?? context.terminal.env[VARIABLE];
  const path = typeof asked === "string" && asked !== "" ? asked : undefined;
  const content = await context.readText(path ?? DEFAULT_PATH);
  if (content === undefined && path === undefined) return new Map();
  if (content === undefined) {
    const origin = flags["config"] === undefined ? VARIABLE : "--config";
    throw usageError([noSuchFile(`${origin} ${path}`)], [`or go without: ${withoutIt(origin)}`]);
  }
  const { parseConfigFile } = await import("./config-file.ts");
  return parseConfigFile(path ?? DEFAULT_PATH, content, knownNames);
}

const withoutIt = (origin: string): string =>
  origin === VARIABLE ? `unset ${VARIABLE}` : `leave ${origin} out`;
