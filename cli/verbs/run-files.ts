import {
  type SubmitTasksResponse,
  SubmitTasksResponseSchema,
  type SubmitTasksResult,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskSchema } from "../../gen/berth/v1/task_pb.ts";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { assert } from "../../lib/assert.ts";
import { fromStatus } from "../../lib/status.ts";
import { explainCallError, type FlagOfField } from "../call-error.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { fieldReportText } from "../output/field-report-text.ts";
import type { Format } from "../output/output-flags.ts";
import { printError } from "../print-error.ts";
import type { FileSpec } from "../read-spec-file.ts";
import { createRequestId } from "../request-id.ts";
import { runFlagOfField } from "../task-spec-flags.ts";
import { printLine } from "../terminal.ts";
import { callOf } from "./client-verb.ts";

type Flags = Readonly<{ output: Format; check?: string; dryRun?: true; explainFields?: true }>;

/** Submits tasks together, and prints their IDs. What is refused is told, and holds up no other. */
export async function submitFiles(
  context: Context,
  manager: Manager,
  { specs, flags }: Readonly<{ specs: readonly FileSpec[]; flags: Flags }>,
): Promise<ExitCode> {
  const { check = "", dryRun = false, explainFields = false } = flags;
  const requests = specs.map(({ spec }) => ({
    ...{ spec, validateOnly: dryRun, omitFieldReport: !explainFields },
    requestId: dryRun ? "" : createRequestId(context),
  }));
  const answer = await manager.submitTasks({ requests, checkIndex: check }, callOf(context));
  if (dryRun) printLine(context.terminal.stderr, "nothing was started");
  await print(context, answer, flags);
  const codes = answer.results.map((result, at) => tellRefusal(result, specs[at], context));
  return codes.find((code) => code !== exitCodes.ok) ?? exitCodes.ok;
}

/** Where a file says what a field of SubmitTasksRequest has. */
export const placeIn =
  (specs: readonly FileSpec[]): FlagOfField =>
  (field) => {
    const [, at, rest = ""] = /^requests\[(\d+)\]\.(?:spec\.?)?(.*)$/s.exec(field) ?? [];
    return at === undefined ? runFlagOfField(field) : specs[Number(at)]?.placed(rest);
  };

async function print(
  { terminal }: Context,
  answer: SubmitTasksResponse,
  { output, dryRun, explainFields }: Flags,
): Promise<void> {
  const tasks = tasksIn(answer);
  if (output === "name") {
    if (!dryRun) for (const { id } of tasks) printLine(terminal.stdout, id);
    for (const text of reportsIn(answer, terminal.columns)) terminal.stderr.write(text);
    return;
  }
  const document = explainFields
    ? jsonOf(SubmitTasksResponseSchema, answer)
    : tasks.map((task) => jsonOf(TaskSchema, task));
  terminal.stdout.write(await formatDocument(output === "yaml" ? "yaml" : "json", document));
}

const tasksIn = ({ results }: SubmitTasksResponse): readonly Task[] =>
  results.flatMap(({ outcome }) => (outcome.case === "task" ? [outcome.value] : []));

/** What was taken for the fields of each task, under its name. */
function reportsIn({ results, fieldReports }: SubmitTasksResponse, width: number): string[] {
  return results.flatMap(({ outcome, fieldReport = -1 }) => {
    const report = fieldReports[fieldReport];
    if (outcome.case !== "task" || !report) return [];
    const { spec }: Task = outcome.value;
    return [`${spec?.name || spec?.image}:\n${fieldReportText(report, outcome.value, width)}`];
  });
}

/** Says why an entry was refused. The exit code that follows from it. */
function tellRefusal(
  { outcome }: SubmitTasksResult,
  source: FileSpec | undefined,
  { terminal }: Context,
): ExitCode {
  if (outcome.case !== "error") return exitCodes.ok;
  assert(source, "the manager answers with a result an entry");
  const { spec, placed } = source;
  const refusal = fromStatus(outcome.value);
  const error = explainCallError(refusal, "", (field) => placed(field.replace(/^spec\.?/, "")));
  const isPlaced = refusal.findDetails(BadRequestSchema).length > 0;
  if (!isPlaced) error.message = `${spec.name || spec.image}: ${error.message}`;
  printError(terminal, error);
  return error.exitCode;
}
