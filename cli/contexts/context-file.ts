import { isAbsolute, join } from "node:path";
import { CommandError, usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { type Contexts, NO_CONTEXTS } from "./contexts.ts";

/** Loaded when it is needed: YAML is a quarter of all modules. */
const contextYaml = () => import("./context-yaml.ts");

/** Names the file to use instead of the user's own. */
const FILE_VARIABLE = "BERTH_CONTEXTS";

/** Where a user's contexts are kept (XDG base directories). */
export function contextFilePath({ terminal }: Pick<Context, "terminal">): string | undefined {
  const { XDG_CONFIG_HOME: config, HOME: home, [FILE_VARIABLE]: named } = terminal.env;
  if (named !== undefined && named !== "") return named;
  if (config !== undefined && isAbsolute(config)) return join(config, "berth", "contexts.yaml");
  if (home !== undefined && isAbsolute(home))
    return join(home, ".config", "berth", "contexts.yaml");
  return undefined;
}

/** The user's contexts; none where there is no file. */
export async function readContexts(context: Context): Promise<Contexts> {
  const path = contextFilePath(context);
  if (path === undefined) return NO_CONTEXTS;
  const content = await context.readText(path).catch((cause: unknown) => {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(`${path}: cannot be read: ${words}`, {
      ...{ exitCode: exitCodes.usage, cause },
      remedies: [`make it yours to read, or name another with ${FILE_VARIABLE}`],
    });
  });
  if (content === undefined) return NO_CONTEXTS;
  const { parseContexts } = await contextYaml();
  return parseContexts(path, content);
}

/** Keeps the contexts, for nobody but the user to read or change. */
export async function writeContexts(context: Context, contexts: Contexts): Promise<void> {
  const path = contextFilePath(context);
  if (path === undefined)
    throw usageError(
      ["no place to keep contexts: HOME is not set"],
      [`say where with ${FILE_VARIABLE}`],
    );
  try {
    const { formatContexts } = await contextYaml();
    await context.writeText(path, formatContexts(contexts));
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(`${path}: cannot be written: ${words}`, {
      ...{ cause, remedies: [`say where else with ${FILE_VARIABLE}`] },
    });
  }
}
