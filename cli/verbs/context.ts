import { Command } from "commander";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { contextFilePath, readContexts, writeContexts } from "../contexts/context-file.ts";
import { DEFAULT_CONTEXT, problemOfName } from "../contexts/contexts.ts";
import { findManagerAddress, noContext } from "../contexts/manager-address.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { formatDocument } from "../output/document.ts";
import { oneLine } from "../output/format.ts";
import { addFormatFlag, type Format } from "../output/output-flags.ts";
import { formatFields, formatTable } from "../output/table.ts";
import { parseAddresses } from "../parse/address.ts";
import { configOption } from "../settings/load.ts";
import type { Flags } from "../settings/resolve.ts";
import { addr } from "../settings/settings.ts";
import { printLine } from "../terminal.ts";
import { flagValue, type Run } from "./client-verb.ts";

export const contextCommand = (run: Run): Command =>
  new Command("context")
    .summary("name clusters, and choose the one to talk to")
    .description(
      "Name clusters, and choose the one that other commands talk to. Who is talked to is said by, in this order: " +
        "--addr, --context, BERTH_ADDR, BERTH_CONTEXT, addr in the file of settings, the current context, and else " +
        "it is this machine. Names are kept in ~/.config/berth/contexts.yaml, or where BERTH_CONTEXTS says.",
    )
    .addCommand(addCommand(run))
    .addCommand(lsCommand(run))
    .addCommand(useCommand(run))
    .addCommand(showCommand(run))
    .addCommand(rmCommand(run));

type AddFlags = Readonly<{ addr: string; description?: string; use?: true; force?: true }>;

const addCommand = (run: Run): Command =>
  new Command("add")
    .summary("name a cluster")
    .description("Name a cluster. The first that is named becomes the current one.")
    .argument("<name>", "name of the context")
    .requiredOption("--addr <addresses>", "its managers, one or several: host:port,srv:NAME")
    .option("--description <text>", "what it is, for people")
    .option("--use", "make it the current one")
    .option("--force", "replace the one that has the name")
    .action((name: string, flags: AddFlags) => run((context) => add(context, name, flags)));

async function add(context: Context, name: string, flags: AddFlags): Promise<ExitCode> {
  const problem = problemOfName(name);
  if (problem !== undefined) throw usageError([`context ${problem}`]);
  const address = flagValue("--addr", parseAddresses(flags.addr));
  const { current, clusters } = await readContexts(context);
  if (clusters.has(name) && !flags.force)
    throw usageError(
      [`there is a context ${name} already, at ${clusters.get(name)?.addr}`],
      ["replace it with --force, or choose another name"],
    );
  const cluster = { addr: address, description: oneLine(flags.description ?? "") };
  const next = flags.use || clusters.size === 0 ? name : current;
  await writeContexts(context, { current: next, clusters: new Map(clusters).set(name, cluster) });
  printLine(context.terminal.stdout, name);
  if (next === name && current !== name)
    printLine(context.terminal.stderr, `berth talks to ${name} from now on`);
  return exitCodes.ok;
}

type LsFlags = Readonly<{ output: Format; quiet?: true; headers: boolean; config?: string }>;

const lsCommand = (run: Run): Command =>
  addFormatFlag(new Command("ls"), ["table", "json", "yaml", "name"], "table")
    .alias("list")
    .summary("list contexts")
    .description("List contexts. A star marks the one that berth talks to here and now.")
    .option("-q, --quiet", "print names only, as -o name does")
    .option("--no-headers", "leave the line of column titles out")
    .addOption(configOption())
    .action((flags: LsFlags) => run((context) => ls(context, flags)));

async function ls(context: Context, flags: LsFlags): Promise<ExitCode> {
  const { clusters } = await readContexts(context);
  // A context that is chosen and not there must not keep anybody from the list of those that are.
  const used = await findManagerAddress(flags, context).catch(() => undefined);
  const rows = [
    { name: DEFAULT_CONTEXT, addr: addr.fallback, description: "this machine" },
    ...[...clusters]
      .map(([name, cluster]) => ({ name, ...cluster }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  ].map((row) => ({ ...row, current: row.name === nameOf(used) }));
  const format = flags.quiet ? "name" : flags.output;
  context.terminal.stdout.write(await formatContextList(rows, format, flags));
  if (used && nameOf(used) === undefined)
    printLine(context.terminal.stderr, `${used.origin} says ${used.addr} here: no context is used`);
  return exitCodes.ok;
}

/** Which line of the list is talked to; undefined when an address was given by itself. */
const nameOf = (used: Awaited<ReturnType<typeof findManagerAddress>> | undefined) =>
  used?.context ?? (used?.origin === "the default" ? DEFAULT_CONTEXT : undefined);

type Row = Readonly<{ name: string; addr: string; description: string; current: boolean }>;

const COLUMNS = [
  { title: "CURRENT" },
  { title: "NAME" },
  { title: "ADDRESSES" },
  { title: "DESCRIPTION" },
];

async function formatContextList(
  rows: readonly Row[],
  format: Format,
  { headers }: LsFlags,
): Promise<string> {
  if (format === "json" || format === "yaml")
    return formatDocument(
      format,
      rows.map((row) => ({ ...row })),
    );
  if (format === "name") return rows.map(({ name }) => `${name}\n`).join("");
  const cells = rows.map(({ name, addr: at, description, current }) => [
    current ? "*" : "",
    name,
    at,
    description,
  ]);
  return formatTable(COLUMNS, cells, { headers, width: undefined });
}

const useCommand = (run: Run): Command =>
  new Command("use")
    .summary("choose the context to talk to")
    .description(`Choose the context that berth talks to. ${DEFAULT_CONTEXT} is this machine.`)
    .argument("<name>", "name of the context")
    .action((name: string) => run((context) => use(context, name)));

async function use(context: Context, name: string): Promise<ExitCode> {
  const { stdout, stderr, env } = context.terminal;
  const contexts = await readContexts(context);
  if (name !== DEFAULT_CONTEXT && !contexts.clusters.has(name)) throw noContext(name, contexts);
  await writeContexts(context, {
    ...contexts,
    current: name === DEFAULT_CONTEXT ? undefined : name,
  });
  printLine(stdout, name);
  for (const variable of ["BERTH_ADDR", "BERTH_CONTEXT"])
    if (env[variable]) printLine(stderr, `warning: ${variable} is set, and goes before it`);
  return exitCodes.ok;
}

type ShowFlags = Flags & Readonly<{ output: Format }>;

const showCommand = (run: Run): Command =>
  addFormatFlag(new Command("show"), ["table", "json", "yaml", "name"], "table")
    .summary("show a context, or the one that is talked to")
    .description(
      "Show a context; without a name the one that berth talks to here, and who says so.",
    )
    .argument("[name]", "name of the context")
    .addOption(configOption())
    .action((name: string | undefined, flags: ShowFlags) =>
      run((context) => show(context, name, flags)),
    );

async function show(
  context: Context,
  name: string | undefined,
  { output, ...flags }: ShowFlags,
): Promise<ExitCode> {
  const asked = name === undefined ? flags : { ...flags, context: name };
  const used = await findManagerAddress(asked, context);
  const shown = nameOf(used) ?? "";
  const { clusters } = await readContexts(context);
  const found = {
    name: shown,
    addr: used.addr,
    description: clusters.get(shown)?.description ?? "",
    ...(name === undefined && { origin: used.origin }),
    file: contextFilePath(context) ?? "",
  };
  const { stdout } = context.terminal;
  if (output === "name") printLine(stdout, shown);
  else if (output === "json" || output === "yaml")
    stdout.write(await formatDocument(output, found));
  else stdout.write(formatFields(Object.entries(found)));
  return exitCodes.ok;
}

const rmCommand = (run: Run): Command =>
  new Command("rm")
    .alias("remove")
    .summary("forget contexts")
    .description("Forget contexts. Their clusters are not touched.")
    .argument("<names...>", "names of contexts")
    .action((names: string[]) => run((context) => rm(context, names)));

async function rm(context: Context, names: readonly string[]): Promise<ExitCode> {
  const { stdout, stderr } = context.terminal;
  const { current, clusters } = await readContexts(context);
  if (names.includes(DEFAULT_CONTEXT))
    throw usageError([`${DEFAULT_CONTEXT} is this machine, and is always there: leave it out`]);
  const missing = names.find((name) => !clusters.has(name));
  if (missing !== undefined) throw noContext(missing, { clusters });
  const kept = new Map([...clusters].filter(([name]) => !names.includes(name)));
  const isGone = current !== undefined && names.includes(current);
  await writeContexts(context, { current: isGone ? undefined : current, clusters: kept });
  for (const name of new Set(names)) printLine(stdout, name);
  if (isGone) printLine(stderr, `berth talks to ${addr.fallback} from now on`);
  return exitCodes.ok;
}
