import type {
  PlanStep,
  PlanSubmit,
  PlanTasksRequest,
  PlanWorker,
} from "../gen/berth/v1/plan_pb.ts";
import { AMOUNT_BYTES_MAX, CPU_MILLIS_MAX } from "./limits.ts";
import { parsePlatform } from "./platform.ts";
import { type FieldViolation, type Violations, validateId, violation } from "./validate.ts";
import { checkCustomOffers } from "./validate-custom.ts";
import { checkLabels } from "./validate-labels.ts";
import { validateTaskSpec } from "./validate-task-spec.ts";
import { quote } from "./validate-text.ts";

/** As the contract says of `PlanTasksRequest.steps`. */
const STEPS_MAX = 1_000;
const TASKS_MAX = 1_000;
const WORKERS_MAX = 100;

/** As the contract says of `PlanWorker.capabilities`. */
const CAPABILITIES_MAX = 16;

type Options = Readonly<{ schedulers: readonly string[] }>;

/** Everything about a plan's request that the contract forbids. Of many bad steps the first. */
export function validatePlan(request: PlanTasksRequest, options: Options) {
  const { steps } = request;
  if (steps.length > STEPS_MAX)
    return [violation("steps", `has ${steps.length} entries: must be at most ${STEPS_MAX}`)];
  const totals = [...checkTotals(steps)];
  if (totals.length > 0) return totals;
  if (steps.length === 0 && !request.nPlusOne)
    return [violation("steps", "is empty: give a step, or set n_plus_one")];
  for (const [index, step] of steps.entries()) {
    const violations = checkStep(step, options);
    if (violations.length > 0) return violations.map(within(`steps[${index}]`));
  }
  return [];
}

const within =
  (at: string) =>
  ({ field, description }: FieldViolation): FieldViolation =>
    violation(`${at}.${field}`, description);

function* checkTotals(steps: readonly PlanStep[]): Violations {
  yield* checkTotal(steps, { kind: "submit", noun: "tasks", max: TASKS_MAX });
  yield* checkTotal(steps, { kind: "add", noun: "workers", max: WORKERS_MAX });
}

type Total = Readonly<{ kind: "submit" | "add"; noun: string; max: number }>;

function* checkTotal(steps: readonly PlanStep[], { kind, noun, max }: Total): Violations {
  const sum = steps.reduce((total, { step }) => {
    const isMeant = step.case === "submit" || step.case === "add";
    return isMeant && step.case === kind ? total + countOf(step.value) : total;
  }, 0);
  if (sum > max) yield violation("steps", `has ${sum} ${noun} in all: must be at most ${max}`);
}

/** How many of it there are. */
export const countOf = ({ count }: Pick<PlanSubmit | PlanWorker, "count">): number => count || 1;

function checkStep({ step }: PlanStep, options: Options): readonly FieldViolation[] {
  switch (step.case) {
    case "submit":
      return validateTaskSpec(step.value.spec, options).map(within("submit"));
    case "add":
      return [...checkWorker(step.value)].map(within("add"));
    case "drain":
    case "lose":
      return validateId(`${step.case}.worker_id`, step.value.workerId);
    case undefined:
      return [violation("step", "is required: submit, add, drain or lose")];
  }
}

function* checkWorker({ capacity, platform, labels, capabilities }: PlanWorker): Violations {
  yield* checkAmount("capacity.cpu_millis", capacity?.cpuMillis, CPU_MILLIS_MAX);
  yield* checkAmount("capacity.memory_bytes", capacity?.memoryBytes, AMOUNT_BYTES_MAX);
  yield* checkAmount("capacity.disk_bytes", capacity?.diskBytes, AMOUNT_BYTES_MAX);
  yield* checkCustomOffers("capacity.custom", capacity?.custom ?? {});
  yield* checkPlatform(platform);
  yield* checkLabels("labels", labels);
  if (capabilities.length > CAPABILITIES_MAX)
    yield violation(
      "capabilities",
      `has ${capabilities.length} entries: must be at most ${CAPABILITIES_MAX}`,
    );
}

function* checkAmount(field: string, value: bigint | undefined, max: number): Violations {
  if (value !== undefined && (value < 0n || value > max))
    yield violation(field, `is ${value}: must be 0 to ${max}, or left out`);
}

function* checkPlatform(text: string): Violations {
  if (text === "") return;
  const parsed = parsePlatform(text);
  if (parsed.kind === "malformed") yield violation("platform", parsed.explanation);
  else if (parsed.platform.architecture === undefined)
    yield violation("platform", `is ${quote(text)}: name the architecture, such as linux/arm64`);
}
