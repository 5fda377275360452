import type { Command } from "commander";
import { labelPath } from "../../core/worker-settings.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { createRequestId } from "../request-id.ts";
import { printLine } from "../terminal.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";

export const labelCommand = (run: Run): Command =>
  clientCommand("label")
    .summary("set or remove labels of a worker")
    .description(
      "Set labels of a worker with KEY=VALUE, remove them with KEY-. They win over those that the worker itself came with, which stay when one of these is removed.",
    )
    .argument("<worker>", "ID")
    .argument("<labels...>", "KEY=VALUE or KEY-")
    .action((workerId: string, words: string[], flags: object) =>
      run((context) => label(context, { workerId, words, flags })),
    );

type Wish = Readonly<{ workerId: string; words: readonly string[]; flags: object }>;

async function label(context: Context, { workerId, words, flags }: Wish): Promise<ExitCode> {
  const edits = readEdits(words);
  const labels = Object.fromEntries(
    [...edits].flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  const paths = [...edits.keys()].map(labelPath);
  return withManager(context, flags, async (manager) => {
    const requestId = createRequestId(context);
    const request = { workerId, settings: { labels }, updateMask: { paths }, requestId };
    await manager.updateWorker(request, callOf(context));
    printLine(context.terminal.stdout, workerId);
    return exitCodes.ok;
  });
}

/** What is set, by key; undefined for what is removed. Of two words about one key the last counts. */
function readEdits(words: readonly string[]): ReadonlyMap<string, string | undefined> {
  const edits = new Map<string, string | undefined>();
  for (const word of words) {
    const at = word.indexOf("=");
    if (at > 0) edits.set(word.slice(0, at), word.slice(at + 1));
    else if (at === -1 && /.-$/.test(word)) edits.set(word.slice(0, -1), undefined);
    else
      throw usageError([`label ${JSON.stringify(word)} must be KEY=VALUE, or KEY- to remove it`]);
  }
  return edits;
}
