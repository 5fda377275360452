import { type Command, Option } from "commander";
import { stateName } from "../../core/task-state.ts";
import { type Task, TaskSchema, TaskSpecSchema, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { attachTask } from "../attach-task.ts";
import { CommandError, usageError } from "../command-error.ts";
import type { Context, Manager } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { addFormatFlag, type Format } from "../output/output-flags.ts";
import { progressText } from "../output/task-text.ts";
import { parseDuration } from "../parse/duration.ts";
import { createRequestId } from "../request-id.ts";
import {
  type EnvFile,
  runFlagOfField,
  type TaskSpecFlags,
  type TaskSpecInit,
  taskSpecOf,
} from "../task-spec-flags.ts";
import { printLine } from "../terminal.ts";
import { waitForTask } from "../wait-for-task.ts";
import { callOf, clientCommand, flagValue, type Run, withManager } from "./client-verb.ts";
import { addTaskSpecFlags } from "./run-flags.ts";

type RunFlags = TaskSpecFlags &
  Readonly<{
    output: Format;
    requestId?: string;
    dryRun?: true;
    wait?: true;
    waitTimeout?: string;
    attach?: true;
    quiet?: true;
  }>;

export const runCommand = (run: Run): Command =>
  addFormatFlag(addTaskSpecFlags(clientCommand("run")), ["name", "json", "yaml"], "name")
    .summary("run a container as a task")
    .description("Submit a task and print its ID. Flags go before IMAGE, as with docker run.")
    .argument("<image>", "image reference, such as nginx:1.27")
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
    .option("--request-id <id>", "makes the call safe to repeat: one ID is one task")
    .option("-q, --quiet", "print no steps")
    .action((image: string, args: string[], flags: RunFlags) =>
      run((context) => runTask(context, { image, args, flags })),
    );

type Asked = Readonly<{ image: string; args: readonly string[]; flags: RunFlags }>;

async function runTask(context: Context, { image, args, flags }: Asked): Promise<ExitCode> {
  const envFiles = await Promise.all(
    (flags.envFile ?? []).map((path) => readEnvFile(context, path)),
  );
  const environment = context.terminal.env;
  const spec = taskSpecOf({ image, args, flags, envFiles, environment });
  const act = flags.dryRun ? tryOut : submit;
  return withManager(
    context,
    flags,
    (manager) => act(context, manager, spec, flags),
    runFlagOfField,
  );
}

async function readEnvFile({ readText }: Context, path: string): Promise<EnvFile> {
  const content = await readText(path);
  if (content === undefined) throw usageError([`--env-file ${path}: there is no such file`]);
  return { path, content };
}

async function tryOut(
  context: Context,
  manager: Manager,
  spec: TaskSpecInit,
  flags: RunFlags,
): Promise<ExitCode> {
  const { task } = await manager.submitTask({ spec, validateOnly: true }, callOf(context));
  assert(task?.spec, "the manager answers a dry run with the task as it would be");
  const format = flags.output === "json" ? "json" : "yaml";
  const { stdout, stderr } = context.terminal;
  printLine(stderr, "valid, nothing was started");
  stdout.write(await formatDocument(format, jsonOf(TaskSpecSchema, task.spec)));
  return exitCodes.ok;
}

async function submit(
  context: Context,
  manager: Manager,
  spec: TaskSpecInit,
  flags: RunFlags,
): Promise<ExitCode> {
  const timeoutMs =
    flags.waitTimeout === undefined
      ? undefined
      : flagValue("--wait-timeout", parseDuration(flags.waitTimeout));
  const requestId = flags.requestId ?? createRequestId(context);
  const { task } = await manager.submitTask({ spec, requestId }, callOf(context));
  assert(task, "the manager answers a submit with the task");
  const quiet = flags.quiet === true;
  if (flags.attach) return attachTask(context, manager, task, { timeoutMs, quiet });
  if (flags.output === "name") printLine(context.terminal.stdout, task.id);
  const last = flags.wait
    ? await waitForTask(context, manager, task, { until: isRunning, timeoutMs, quiet })
    : task;
  if (flags.output !== "name") await printTask(context, last, flags.output);
  return flags.wait
    ? endOf(last, quiet ? progressText(last, context.clock.now()) : "")
    : exitCodes.ok;
}

const isRunning = ({ state }: Task): boolean => state === TaskState.RUNNING;

async function printTask({ terminal }: Context, task: Task, format: Format): Promise<void> {
  terminal.stdout.write(
    await formatDocument(format === "yaml" ? "yaml" : "json", jsonOf(TaskSchema, task)),
  );
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
