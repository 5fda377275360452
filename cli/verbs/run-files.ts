import type { SubmitTasksResult } from "../../gen/berth/v1/manager_service_pb.ts";
import { TaskSchema, type TaskSpec } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { fromStatus } from "../../lib/status.ts";
import { explainCallError } from "../call-error.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import type { Format } from "../output/output-flags.ts";
import { printError } from "../print-error.ts";
import { createRequestId } from "../request-id.ts";
import { runFlagOfField } from "../task-spec-flags.ts";
import { printLine } from "../terminal.ts";
import { callOf } from "./client-verb.ts";

type Flags = Readonly<{ output: Format; check?: string; dryRun?: true }>;

/** Submits tasks together, and prints their IDs. What is refused is told, and holds up no other. */
export async function submitFiles(
  context: Context,
  manager: Manager,
  { specs, flags }: Readonly<{ specs: readonly TaskSpec[]; flags: Flags }>,
): Promise<ExitCode> {
  const { terminal } = context;
  const { output, check = "", dryRun = false } = flags;
  const requests = specs.map((spec) => {
    return { spec, validateOnly: dryRun, requestId: dryRun ? "" : createRequestId(context) };
  });
  const { results } = await manager.submitTasks({ requests, checkIndex: check }, callOf(context));
  if (dryRun) printLine(terminal.stderr, "nothing was started");
  const tasks = results.flatMap(({ outcome }) => (outcome.case === "task" ? [outcome.value] : []));
  if (output !== "name") {
    const documents = tasks.map((task) => jsonOf(TaskSchema, task));
    terminal.stdout.write(await formatDocument(output === "yaml" ? "yaml" : "json", documents));
  } else if (!dryRun) for (const { id } of tasks) printLine(terminal.stdout, id);
  const codes = results.map((result, at) => tellRefusal(result, specs[at], context));
  return codes.find((code) => code !== exitCodes.ok) ?? exitCodes.ok;
}

/** Says why an entry was refused. The exit code that follows from it. */
function tellRefusal(
  { outcome }: SubmitTasksResult,
  spec: TaskSpec | undefined,
  { terminal }: Context,
): ExitCode {
  if (outcome.case !== "error") return exitCodes.ok;
  assert(spec, "the manager answers with a result an entry");
  const error = explainCallError(fromStatus(outcome.value), "", runFlagOfField);
  error.message = `${spec.name || spec.image}: ${error.message}`;
  printError(terminal, error);
  return error.exitCode;
}
