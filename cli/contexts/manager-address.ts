import { didYouMean } from "../../lib/nearest.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { loadSettings } from "../settings/load.ts";
import type { Flags } from "../settings/resolve.ts";
import { variableOf } from "../settings/setting.ts";
import { addr } from "../settings/settings.ts";
import { readContexts } from "./context-file.ts";
import { type Contexts, DEFAULT_CONTEXT } from "./contexts.ts";

/** Names the context to use, for all commands of a shell. */
export const CONTEXT_VARIABLE = "BERTH_CONTEXT";

/** Where managers are, and who says so. */
export type ManagerAddress = Readonly<{
  addr: string;
  /** Name of the context that it comes from. Undefined: none. */
  context: string | undefined;
  /** What said it, for people: `--addr`, `BERTH_CONTEXT`, `the current context`. */
  origin: string;
}>;

/**
 * Where managers are: `--addr`, else `--context`, else BERTH_ADDR, else BERTH_CONTEXT, else `addr` in the
 * file of settings, else the current context, else this machine.
 */
export async function findManagerAddress(flags: Flags, context: Context): Promise<ManagerAddress> {
  const { env } = context.terminal;
  const { addr: set } = await loadSettings(
    { addr: { ...addr, fallback: undefined as string | undefined } },
    flags,
    context,
  );
  const byFlag = flags["addr"] !== undefined;
  const named = flags["context"];
  if (byFlag && set !== undefined) return { addr: set, context: undefined, origin: "--addr" };
  if (typeof named === "string") return addressIn(context, named, "--context");
  const variable = variableOf(addr);
  if (set !== undefined && env[variable])
    return { addr: set, context: undefined, origin: variable };
  if (env[CONTEXT_VARIABLE]) return addressIn(context, env[CONTEXT_VARIABLE], CONTEXT_VARIABLE);
  if (set !== undefined)
    return { addr: set, context: undefined, origin: "addr in the file of settings" };
  const { current } = await readContexts(context);
  return addressIn(context, current ?? DEFAULT_CONTEXT, "the current context");
}

async function addressIn(context: Context, name: string, origin: string): Promise<ManagerAddress> {
  if (name === DEFAULT_CONTEXT)
    return { addr: addr.fallback, context: undefined, origin: "the default" };
  const { clusters } = await readContexts(context);
  const cluster = clusters.get(name);
  if (!cluster) throw noContext(name, { clusters }, origin);
  return { addr: cluster.addr, context: name, origin };
}

/** Says that a name is of no context, and which there are. */
export function noContext(name: string, { clusters }: Pick<Contexts, "clusters">, origin?: string) {
  const names = [...clusters.keys()];
  const guess = didYouMean(name, names);
  const known = guess || (names.length > 0 ? `: there are ${names.join(", ")}` : "");
  const where = origin === undefined ? "" : `${origin}: `;
  return usageError(
    [`${where}there is no context ${JSON.stringify(name)}${known}`],
    [
      "list contexts with: berth context ls",
      `or add it: berth context add ${name} --addr HOST:PORT`,
    ],
  );
}
