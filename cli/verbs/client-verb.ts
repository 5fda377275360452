import { ConnectError } from "@connectrpc/connect";
import { Command, Option } from "commander";
import { parseTraceparent, TRACEPARENT } from "../../lib/trace/trace-context.ts";
import { explainCallError, type FlagOfField } from "../call-error.ts";
import { CommandError, usageError } from "../command-error.ts";
import type { Context, Manager, ManagerLink } from "../context.ts";
import { CONTEXT_VARIABLE, findManagerAddress } from "../contexts/manager-address.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { Parsed } from "../parse/parsed.ts";
import { configOption } from "../settings/load.ts";
import type { Flags } from "../settings/resolve.ts";
import { optionOf } from "../settings/setting.ts";
import { addr } from "../settings/settings.ts";

/** Carries a verb out and reports its exit code. */
export type Run = (verb: (context: Context) => Promise<ExitCode>) => Promise<void>;

/** A verb that talks to a manager, with the flags that say to which. */
export const clientCommand = (name: string): Command =>
  new Command(name).addOption(optionOf(addr)).addOption(contextOption()).addOption(configOption());

const contextOption = (): Option =>
  new Option(
    "--context <name>",
    `cluster to talk to, by its name: berth context (env: ${CONTEXT_VARIABLE})`,
  ).conflicts("addr");

/** A verb in terms of the manager it talks to. */
export type ManagerVerb = (manager: Manager) => Promise<ExitCode>;

/**
 * Carries a verb out against the manager that the settings name, and explains
 * what goes wrong on the way. `flagOfField` translates what the manager says of a request's fields.
 */
export async function withManager(
  context: Context,
  flags: object,
  act: ManagerVerb,
  flagOfField?: FlagOfField,
): Promise<ExitCode> {
  return withLink(context, flags, ({ manager }) => act(manager), flagOfField);
}

/** As `withManager`, for verbs that call what is no manager too. */
export async function withLink(
  context: Context,
  flags: object,
  act: (link: ManagerLink) => Promise<ExitCode>,
  flagOfField?: FlagOfField,
): Promise<ExitCode> {
  const { addr: address, context: name } = await findManagerAddress(flags as Flags, context);
  const shown = name === undefined ? address : `${address} (context ${name})`;
  const link = await context.connect(address);
  try {
    return await act(link);
  } catch (error) {
    if (context.interrupted.aborted) return exitCodes.interrupted;
    if (error instanceof CommandError) throw error;
    if (error instanceof ConnectError) throw explainCallError(error, shown, flagOfField);
    throw error;
  } finally {
    link.close();
  }
}

/** The value of a flag, or a usage error that names the flag. */
export function flagValue<T>(flag: string, result: Parsed<T>): T {
  if (result.kind === "parsed") return result.value;
  throw usageError([`${flag} ${result.problem}`]);
}

/** Collects the values of a flag that may be given several times. */
export const collect = (text: string, sofar: readonly string[] = []): readonly string[] => [
  ...sofar,
  text,
];

type CallOptions = Readonly<{ signal: AbortSignal; headers?: Readonly<Record<string, string>> }>;

/**
 * The call options of every call: a verb that is interrupted hangs up, and one that is run in a span
 * says in which, as the environment of tools for OpenTelemetry has it.
 */
export function callOf({ interrupted, terminal }: Context): CallOptions {
  const text = terminal.env["TRACEPARENT"] ?? "";
  const headers = parseTraceparent(text) ? { headers: { [TRACEPARENT]: text } } : {};
  return { signal: interrupted, ...headers };
}
