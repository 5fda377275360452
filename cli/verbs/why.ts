import type { Command } from "commander";
import {
  type ExplainTaskResponse,
  ExplainTaskResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { explainWhole } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { explanationText, WORKERS_SHOWN } from "../output/explanation-text.ts";
import { addPageFlags, type PageFlags } from "../output/output-flags.ts";
import { formatHoles } from "../output/template.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";
import { addWatchFlag, type WatchFlags, watched } from "./watched.ts";

type WhyFlags = WatchFlags & PageFlags & Readonly<{ all?: true }>;

export const whyCommand = (run: Run): Command =>
  addWatchFlag(addPageFlags(clientCommand("why")))
    .summary("say why a task is where it is, or nowhere")
    .description(
      "Say why a task waits and what would help, why it runs where it runs, or how it ended; with what speaks for and against each worker now.",
    )
    .argument("<task>", "ID, beginning of an ID, or name")
    .option("-a, --all", `show every worker, not only the first ${WORKERS_SHOWN}`)
    .action((task: string, flags: WhyFlags) =>
      run((context) => watched(context, flags, (watching) => why(watching, task, flags))),
    );

const why = (context: Context, reference: string, flags: WhyFlags): Promise<ExitCode> =>
  withManager(context, flags, async (manager) => {
    const call = callOf(context);
    const { id: taskId } = await findTask(manager, reference, call);
    const isWhole = flags.all || flags.output !== "table" || flags.format !== undefined;
    const answer = isWhole
      ? await explainWhole(manager, taskId, call)
      : await manager.explainTask({ taskId, pageSize: WORKERS_SHOWN }, call);
    context.terminal.stdout.write(await textOf(context, answer, flags));
    return exitCodes.ok;
  });

async function textOf(
  { terminal, clock }: Context,
  answer: ExplainTaskResponse,
  { output, format, all }: WhyFlags,
): Promise<string> {
  if (format !== undefined) return formatHoles(ExplainTaskResponseSchema, [answer], format);
  if (output === "json" || output === "yaml")
    return formatDocument(output, jsonOf(ExplainTaskResponseSchema, answer));
  return explanationText(answer, {
    colors: colorsFor(terminal),
    nowMs: clock.now(),
    width: terminal.columns,
    all: all === true,
  });
}
