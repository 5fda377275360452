import type { Command } from "commander";
import { ExplainTaskResponseSchema } from "../../gen/berth/v1/manager_service_pb.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findTask } from "../find-task.ts";
import { explainWhole } from "../list-all.ts";
import { colorsFor } from "../output/colors.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { explanationText, WORKERS_SHOWN } from "../output/explanation-text.ts";
import { addFormatFlag, type Format } from "../output/output-flags.ts";
import { callOf, clientCommand, type Run, withManager } from "./client-verb.ts";

type WhyFlags = Readonly<{ output: Format; all?: true }>;

export const whyCommand = (run: Run): Command =>
  addFormatFlag(clientCommand("why"), ["table", "json", "yaml"], "table")
    .summary("say why a task is where it is, or nowhere")
    .description(
      "Say why a task waits and what would help, why it runs where it runs, or how it ended; with what speaks for and against each worker now.",
    )
    .argument("<task>", "ID, beginning of an ID, or name")
    .option("-a, --all", `show every worker, not only the first ${WORKERS_SHOWN}`)
    .action((task: string, flags: WhyFlags) => run((context) => why(context, task, flags)));

const why = (context: Context, reference: string, flags: WhyFlags): Promise<ExitCode> =>
  withManager(context, flags, async (manager) => {
    const call = callOf(context);
    const { id: taskId } = await findTask(manager, reference, call);
    const { terminal, clock } = context;
    const isTable = flags.output === "table";
    const answer =
      isTable && !flags.all
        ? await manager.explainTask({ taskId, pageSize: WORKERS_SHOWN }, call)
        : await explainWhole(manager, taskId, call);
    const text = isTable
      ? explanationText(answer, {
          colors: colorsFor(terminal),
          nowMs: clock.now(),
          width: terminal.columns,
          all: flags.all === true,
        })
      : await formatDocument(
          flags.output === "json" ? "json" : "yaml",
          jsonOf(ExplainTaskResponseSchema, answer),
        );
    terminal.stdout.write(text);
    return exitCodes.ok;
  });
