import type { Command } from "commander";
import { CPU_OVERCOMMIT_PERCENT_MAX, MEMORY_OVERCOMMIT_PERCENT_MAX } from "../../core/limits.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import type { ExitCode } from "../exit-codes.ts";
import { parsePercent } from "../parse/percent.ts";
import { createRequestId } from "../request-id.ts";
import { printLine } from "../terminal.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";
import { eachReference } from "./each-reference.ts";

type OvercommitFlags = Readonly<{ cpus?: string; memory?: string }>;

export const overcommitCommand = (run: Run): Command =>
  clientCommand("overcommit")
    .summary("let workers promise more than they have")
    .description(
      "Let workers promise tasks more CPU or memory than they have, in percent of it. 100 is all that there is. Lowered, nothing is ended: a worker takes no more until it is below.",
    )
    .argument("<workers...>", "IDs")
    .option("--cpus <percent>", `100 to ${CPU_OVERCOMMIT_PERCENT_MAX}`)
    .option("--memory <percent>", `100 to ${MEMORY_OVERCOMMIT_PERCENT_MAX}`)
    .action((ids: string[], flags: OvercommitFlags) =>
      run((context) => overcommit(context, ids, flags)),
    );

async function overcommit(
  context: Context,
  ids: readonly string[],
  flags: OvercommitFlags,
): Promise<ExitCode> {
  const cpus = percent("--cpus", flags.cpus);
  const memory = percent("--memory", flags.memory);
  if (cpus === undefined && memory === undefined)
    throw usageError(["nothing to change"], ["give --cpus PERCENT, --memory PERCENT or both"]);
  const settings = {
    ...(cpus !== undefined && { cpuOvercommitPercent: cpus }),
    ...(memory !== undefined && { memoryOvercommitPercent: memory }),
  };
  const paths = [
    ...(cpus === undefined ? [] : ["cpu_overcommit_percent"]),
    ...(memory === undefined ? [] : ["memory_overcommit_percent"]),
  ];
  return withManager(
    context,
    flags,
    (manager) =>
      eachReference(context, ids, async (workerId) => {
        const requestId = createRequestId(context);
        const request = { workerId, settings, updateMask: { paths }, requestId };
        await manager.updateWorker(request, callOf(context));
        printLine(context.terminal.stdout, workerId);
      }),
    flagOfField,
  );
}

const percent = (flag: string, text: string | undefined): number | undefined =>
  text === undefined ? undefined : flagValue(flag, parsePercent(text));

const flagOfField = (field: string) =>
  ({
    "settings.cpu_overcommit_percent": "--cpus",
    "settings.memory_overcommit_percent": "--memory",
  })[field];
