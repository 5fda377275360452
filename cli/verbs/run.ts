import { type Command, Option } from "commander";
import { stateName } from "../../core/task-state.ts";
import {
  type SubmitTaskResponse,
  SubmitTaskResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskSchema, TaskSpecSchema, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { attachTask } from "../attach-task.ts";
import { CommandError, usageError } from "../command-error.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { fieldReportText } from "../output/field-report-text.ts";
import { addFormatFlag, type Format } from "../output/output-flags.ts";
import { progressText } from "../output/task-text.ts";
import { parseDuration } from "../parse/duration.ts";
import { readSpecFiles, refuseBeside } from "../read-spec-file.ts";
import { type AskedTask, readTaskSpec } from "../read-task-spec.ts";
import { createRequestId } from "../request-id.ts";
import { runFlagOfField, type TaskSpecFlags, type TaskSpecInit } from "../task-spec-flags.ts";
import { printLine, type Terminal } from "../terminal.ts";
import { waitForTask } from "../wait-for-task.ts";
import { callOf, clientCommand, collect, flagValue, type Run, withManager } from "./client-verb.ts";
import { placeIn, submitFiles } from "./run-files.ts";
import { addTaskSpecFlags } from "./run-flags.ts";

type RunFlags = TaskSpecFlags &
  Readonly<{
    output: Format;
    requestId?: string;
    check?: string;
    file?: readonly string[];
    dryRun?: true;
    explainFields?: true;
    wait?: true;
    waitTimeout?: string;
    attach?: true;
    quiet?: true;
  }>;

export const runCommand = (run: Run): Command =>
  addFormatFlag(addTaskSpecFlags(clientCommand("run")), ["name", "json", "yaml"], "name")
    .summary("run a container as a task")
    .description("Submit a task and print its ID. Flags go before IMAGE, as with docker run.")
    .argument("[image]", "image reference, such as nginx:1.27")
    .argument("[args...]", "arguments that replace the image's own command")
    .passThroughOptions()
    .addOption(new Option("-d, --detach", "answer once the task is durable (the default)"))
    .option("--wait", "wait until it runs or has ended, and tell each step")
    .option("--wait-timeout <time>", "with --wait or --attach: give up waiting for it to run")
    .addOption(
      new Option("-a, --attach", "print its output and end with its exit code").conflicts([
        "detach",
        "wait",
      ]),
    )
    .option("--dry-run", "check everything, start nothing, print the task with its defaults")
    .option("--explain-fields", "tell of every field what was taken, and who decides it")
    .option("--request-id <id>", "makes the call safe to repeat: one ID is one task")
    .option("--check <index>", "only if what berth plan said of it still holds")
    .addOption(fileOption())
    .option("-q, --quiet", "print no steps")
    .action((image: string | undefined, args: string[], flags: RunFlags) =>
      run((context) => {
        if (flags.file) return runFiles(context, { image, files: flags.file, flags });
        if (image === undefined)
          throw usageError(["IMAGE is missing: give one, or --file"], ["see: berth run --help"]);
        return runTask(context, { image, args, flags });
      }),
    );

const fileOption = (): Option =>
  new Option(
    "-f, --file <file>",
    "tasks in YAML or JSON, as --dry-run prints them; - reads standard input; repeatable",
  )
    .argParser(collect)
    .conflicts(["wait", "waitTimeout", "attach", "requestId"]);

type AskedFiles = Readonly<{
  image: string | undefined;
  files: readonly string[];
  flags: RunFlags;
}>;

async function runFiles(context: Context, { image, files, flags }: AskedFiles): Promise<ExitCode> {
  refuseBeside(image, flags);
  const specs = await readSpecFiles(context, files);
  return withManager(
    context,
    flags,
    (manager) => submitFiles(context, manager, { specs, flags }),
    placeIn(specs),
  );
}

type Asked = AskedTask & Readonly<{ flags: RunFlags }>;

async function runTask(context: Context, asked: Asked): Promise<ExitCode> {
  const { flags } = asked;
  const spec = await readTaskSpec(context, asked);
  const act = flags.dryRun ? tryOut : submit;
  return withManager(
    context,
    flags,
    (manager) => act(context, manager, spec, flags),
    runFlagOfField,
  );
}

async function tryOut(
  context: Context,
  manager: Manager,
  spec: TaskSpecInit,
  flags: RunFlags,
): Promise<ExitCode> {
  const request = { spec, ...wishesOf(flags), validateOnly: true };
  const answer = await manager.submitTask(request, callOf(context));
  assert(answer.task?.spec, "the manager answers a dry run with the task as it would be");
  const { terminal } = context;
  printLine(terminal.stderr, "valid, nothing was started");
  if (flags.output !== "name" && flags.explainFields) {
    await printAnswer(terminal, answer, flags.output);
    return exitCodes.ok;
  }
  printReport(terminal, answer);
  const format = flags.output === "json" ? "json" : "yaml";
  terminal.stdout.write(await formatDocument(format, jsonOf(TaskSpecSchema, answer.task.spec)));
  return exitCodes.ok;
}

async function submit(
  context: Context,
  manager: Manager,
  spec: TaskSpecInit,
  flags: RunFlags,
): Promise<ExitCode> {
  const timeoutMs = waitTimeoutOf(flags);
  const requestId = flags.requestId ?? createRequestId(context);
  const request = { spec, requestId, ...wishesOf(flags) };
  const answer = await manager.submitTask(request, callOf(context));
  const { task } = answer;
  assert(task, "the manager answers a submit with the task");
  const { terminal } = context;
  if (flags.output === "name" || flags.attach) printReport(terminal, answer);
  const quiet = flags.quiet === true;
  if (flags.attach) return attachTask(context, manager, task, { timeoutMs, quiet });
  if (flags.output === "name") printLine(terminal.stdout, task.id);
  const last = flags.wait
    ? await waitForTask(context, manager, task, { until: isRunning, timeoutMs, quiet })
    : task;
  if (flags.output !== "name") await printAnswer(terminal, { ...answer, task: last }, flags.output);
  return flags.wait
    ? endOf(last, quiet ? progressText(last, context.clock.now()) : "")
    : exitCodes.ok;
}

const waitTimeoutOf = ({ waitTimeout }: RunFlags): number | undefined =>
  waitTimeout === undefined ? undefined : flagValue("--wait-timeout", parseDuration(waitTimeout));

const wishesOf = ({ check = "", explainFields }: RunFlags) => ({
  checkIndex: check,
  omitFieldReport: explainFields !== true,
});

const isRunning = ({ state }: Task): boolean => state === TaskState.RUNNING;

/** The task, and with the field report the whole answer. */
async function printAnswer(
  { stdout }: Terminal,
  answer: SubmitTaskResponse,
  format: Format,
): Promise<void> {
  const { task, fieldReport } = answer;
  assert(task, "the manager answers a submit with the task");
  const json = fieldReport ? jsonOf(SubmitTaskResponseSchema, answer) : jsonOf(TaskSchema, task);
  stdout.write(await formatDocument(format === "yaml" ? "yaml" : "json", json));
}

function printReport({ stderr, columns }: Terminal, answer: SubmitTaskResponse): void {
  const { task, fieldReport } = answer;
  if (task && fieldReport) stderr.write(fieldReportText(fieldReport, task, columns));
}

/** What `--wait` makes of a task that runs or has ended. `words` are for whom no step was told. */
function endOf(task: Task, words: string): ExitCode {
  if (task.state === TaskState.RUNNING || task.state === TaskState.COMPLETED) return exitCodes.ok;
  const hasContainer = (task.attempt?.status?.containerId ?? "") !== "";
  throw new CommandError(`task ${task.id} ${words || stateName(task.state)}`, {
    exitCode: exitCodes.badEnd,
    remedies: [
      ...(hasContainer ? [`see what it wrote: berth logs ${task.id}`] : []),
      `see its life: berth inspect ${task.id}`,
    ],
  });
}
