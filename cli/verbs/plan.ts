import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Command, InvalidArgumentError } from "commander";
import {
  type PlanStepSchema,
  type PlanTasksResponse,
  PlanTasksResponseSchema,
} from "../../gen/berth/v1/plan_pb.ts";
import type { FlagOfField } from "../call-error.ts";
import { usageError } from "../command-error.ts";
import type { Context } from "../context.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { colorsFor } from "../output/colors.ts";
import { formatDocument, jsonOf } from "../output/document.ts";
import { addPageFlags, type PageFlags } from "../output/output-flags.ts";
import { planText } from "../output/plan-text.ts";
import { formatHoles } from "../output/template.ts";
import { parseNewWorker } from "../parse/new-worker.ts";
import { parseEach } from "../parse/parsed.ts";
import { readSpecFiles, refuseBeside } from "../read-spec-file.ts";
import { readTaskSpec } from "../read-task-spec.ts";
import { runFlagOfField, type TaskSpecFlags, type TaskSpecInit } from "../task-spec-flags.ts";
import { printLine } from "../terminal.ts";
import { callOf, clientCommand, collect, flagValue, type Run, withManager } from "./client-verb.ts";
import { addTaskSpecFlags, isTaskSpecFlag } from "./run-flags.ts";

type PlanFlags = TaskSpecFlags &
  PageFlags &
  Readonly<{
    file?: readonly string[];
    count?: number;
    add?: readonly string[];
    drain?: readonly string[];
    lose?: readonly string[];
    nPlusOne?: true;
    anyWorker?: true;
  }>;

export const planCommand = (run: Run): Command =>
  addPageFlags(addTaskSpecFlags(clientCommand("plan")))
    .summary("say what would happen, and let nothing happen")
    .description(
      "Say where tasks would go: a new one, given as with berth run; those of a worker that is drained or lost; those that wait for a place. Workers are added first, then some are drained, then lost, then the task is submitted.",
    )
    .argument("[image]", "image reference of a task that would be submitted")
    .argument("[args...]", "arguments that replace the image's own command")
    .passThroughOptions()
    .option(
      "-f, --file <file>",
      "tasks that would be submitted, as with berth run --file; repeatable",
      collect,
    )
    .option("--count <number>", "so many tasks of IMAGE (default: 1)", readCount)
    .option(
      "--add <worker>",
      "a worker that would join, such as cpu=4,memory=8g,label:zone=a; also disk, platform, " +
        "resource:NAME, capability, count; repeatable",
      collect,
    )
    .option("--drain <worker>", "a worker that would be drained; repeatable", collect)
    .option("--lose <worker>", "a worker that would be lost; repeatable", collect)
    .option("--n-plus-one", "say which worker's loss would leave tasks without a place")
    .option("--any-worker", "let the check index hold on whatever workers tasks get a place")
    .action((image: string | undefined, args: string[], flags: PlanFlags) =>
      run((context) => plan(context, { image, args, flags })),
    );

function readCount(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1_000) return Number(text);
  throw new InvalidArgumentError("must be 1 to 1000.");
}

type Asked = Readonly<{ image: string | undefined; args: readonly string[]; flags: PlanFlags }>;

async function plan(context: Context, asked: Asked): Promise<ExitCode> {
  const { flags } = asked;
  const specs = await readSpecs(context, asked);
  const steps = stepsOf(specs, flags);
  const { nPlusOne = false, anyWorker = false } = flags;
  if (steps.length === 0 && !nPlusOne)
    throw usageError([
      "there is nothing to plan: give an IMAGE, --file, --add, --drain, --lose or --n-plus-one",
    ]);
  return withManager(
    context,
    flags,
    async (manager) => {
      const answer = await manager.planTasks(
        { steps: [...steps], nPlusOne, anyWorker },
        callOf(context),
      );
      await print(context, answer, { flags, steps });
      return answer.unplacedCount + answer.riskCount > 0 ? exitCodes.badEnd : exitCodes.ok;
    },
    placeIn(specs, steps.length - specs.length),
  );
}

type Counted = Readonly<{
  spec: TaskSpecInit;
  count: number;
  /** A field of the spec as its user finds it: a flag, or a place in a file. */
  placed: (field: string) => string | undefined;
}>;

async function readSpecs(
  context: Context,
  { image, args, flags }: Asked,
): Promise<readonly Counted[]> {
  if (flags.file) refuseBeside(image, flags);
  if (image !== undefined) {
    const spec = await readTaskSpec(context, { image, args, flags });
    const placed = (field: string) => runFlagOfField(`spec.${field}`);
    return [{ spec, count: flags.count ?? 1, placed }];
  }
  if (!flags.file) refuseWithoutImage(flags);
  const specs = await readSpecFiles(context, flags.file ?? []);
  return specs.map((each) => ({ ...each, count: 1 }));
}

function refuseWithoutImage(flags: PlanFlags): void {
  if (flags.count !== undefined || Object.keys(flags).some(isTaskSpecFlag))
    throw usageError(["flags that describe a task need an IMAGE: give one, or leave them out"]);
}

type StepInit = MessageInitShape<typeof PlanStepSchema>;

function stepsOf(specs: readonly Counted[], { add, drain, lose }: PlanFlags): readonly StepInit[] {
  const workers = flagValue("--add", parseEach(add ?? [], parseNewWorker));
  return [
    ...workers.map((value): StepInit => ({ step: { case: "add", value } })),
    ...(drain ?? []).map(
      (workerId): StepInit => ({ step: { case: "drain", value: { workerId } } }),
    ),
    ...(lose ?? []).map((workerId): StepInit => ({ step: { case: "lose", value: { workerId } } })),
    ...specs.map(
      ({ spec, count }): StepInit => ({ step: { case: "submit", value: { spec, count } } }),
    ),
  ];
}

type Printed = Readonly<{ flags: PlanFlags; steps: readonly StepInit[] }>;

async function print(
  context: Context,
  answer: PlanTasksResponse,
  { flags, steps }: Printed,
): Promise<void> {
  const { terminal } = context;
  const { output, format } = flags;
  if (format !== undefined) {
    terminal.stdout.write(formatHoles(PlanTasksResponseSchema, [answer], format));
    return;
  }
  if (output === "json" || output === "yaml") {
    terminal.stdout.write(await formatDocument(output, jsonOf(PlanTasksResponseSchema, answer)));
    return;
  }
  const labelOf = (at: number): string => {
    const step = steps[at]?.step;
    return step?.case === "submit" ? (step.value.spec?.image ?? "") : "";
  };
  const options = { colors: colorsFor(terminal), width: terminal.columns, labelOf };
  terminal.stdout.write(planText(answer, { ...options, withRisks: flags.nPlusOne === true }));
  if (answer.checkIndex !== "" && steps.every(isSubmit)) printHint(answer, context, flags);
}

const isSubmit = ({ step }: StepInit): boolean => step?.case === "submit";

/** How to submit what was planned. Where steps change workers, that world has to come first. */
function printHint(
  { checkIndex }: PlanTasksResponse,
  { terminal }: Context,
  { file, count = 1 }: PlanFlags,
): void {
  const { stderr } = terminal;
  const files = (file ?? []).map((path) => ` -f ${path}`).join("");
  printLine(stderr, "Nothing was started. To start it only if this still holds:");
  if (count > 1) printLine(stderr, `  SubmitTasks with the check index ${checkIndex}`);
  else if (files === "") printLine(stderr, `  berth run --check ${checkIndex}, with the same task`);
  else printLine(stderr, `  berth run --check ${checkIndex}${files}`);
}

/** What fills a field of PlanTasksRequest, whose steps end with the submits from `first` on. */
const placeIn =
  (specs: readonly Counted[], first: number): FlagOfField =>
  (field) => {
    const [, at = "", kind, rest = ""] = /^steps\[(\d+)\]\.(\w+)\.?(.*)$/s.exec(field) ?? [];
    if (kind !== "submit") return kind === undefined ? undefined : `--${kind}`;
    if (rest === "count") return "--count";
    return specs[Number(at) - first]?.placed(rest.replace(/^spec\.?/, ""));
  };
