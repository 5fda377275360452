import type { JsonObject } from "@bufbuild/protobuf";
import type { CustomCapacity } from "../core/custom-resources.ts";
import { type Constraint, ConstraintOperator } from "../gen/berth/v1/affinity_pb.ts";
import type { TaskSpec } from "../gen/berth/v1/task_pb.ts";
import { createDice } from "./dice.ts";
import type { Step } from "./plan.ts";

/**
 * What tasks ask of workers beside amounts and ports, and whether they get it. Told here once more
 * in a few plain words: what places tasks may have the bug that is looked for.
 */

/** By turns, in the order of the workers' numbers. */
const ZONES = ["a", "b"];

export const labelsOf = (workerId: string): Readonly<Record<string, string>> => ({
  zone: ZONES[Number(workerId.split("-")[1]) % ZONES.length] ?? "",
});

const GPU_IDS = ["gpu-1", "gpu-2"];

export const CUSTOM: CustomCapacity = new Map([
  ["gpu", { count: GPU_IDS.length, ids: GPU_IDS }],
  ["licence", { count: 2, ids: [] }],
]);

/** Each wants a worker without another one. */
const LONER = {
  labels: { kind: "loner" },
  taskAffinities: [{ matchLabels: { kind: "loner" }, anti: true }],
};

const ONE_GPU = { reservation: { custom: { gpu: { count: "1" } } } };

const ASKS: readonly JsonObject[] = [
  { constraints: [{ key: "zone", values: ["a"] }] },
  { constraints: [{ key: "zone", operator: "CONSTRAINT_OPERATOR_NOT_EQUAL", values: ["a"] }] },
  ONE_GPU,
  ONE_GPU,
  ONE_GPU,
  { reservation: { cpuMillis: "10", custom: { gpu: { count: "2" }, licence: { count: "1" } } } },
  { reservation: { custom: { licence: { count: "1" } } } },
  LONER,
  LONER,
  { affinities: [{ constraint: { key: "zone", values: ["b"] }, weight: 50 }] },
];

/** How many plans have tasks that ask for something, and how many of their tasks do. */
const PLANS = 0.15;
const TASKS = 0.6;

/** In how many of those all tasks want the same, so that they are in each other's way. */
const RIVALS = 0.5;

/** The same steps, in some plans with tasks that ask for more. */
export function withAsks(seed: number, steps: readonly Step[]): readonly Step[] {
  // Dice of its own: what else the seed means stays the same.
  const dice = createDice(seed ^ 0xa64);
  if (!dice.chance(PLANS)) return steps;
  const asks = dice.chance(RIVALS) ? [dice.any(ASKS)] : ASKS;
  return steps.map((step) =>
    step.do === "submit" && dice.chance(TASKS)
      ? { ...step, spec: { ...step.spec, ...dice.any(asks) } }
      : step,
  );
}

/** Why a task must not be on a worker, whatever else is there. Undefined: nothing speaks against it. */
export function whyNotThere(workerId: string, spec: TaskSpec | undefined): string | undefined {
  const zone = labelsOf(workerId)["zone"] ?? "";
  const known = spec?.constraints.filter(isKnown) ?? [];
  const isMet = known.every(
    ({ operator, values }) => values.includes(zone) === (operator !== NOT_EQUAL),
  );
  return isMet ? undefined : `${workerId} is in zone ${zone}`;
}

/** Whether a task asks for nothing of which this file does not know whether it is there. */
export const isUnderstood = ({ constraints, taskAffinities, spreads, maxPerWorker }: TaskSpec) =>
  constraints.every(isKnown) &&
  taskAffinities.every(({ anti, matchLabels }) => anti && isOfLoners(matchLabels)) &&
  spreads.length === 0 &&
  maxPerWorker === undefined;

/** Whether it is one of those that keep apart from each other. */
export const isLoner = ({ labels, taskAffinities }: TaskSpec): boolean =>
  isOfLoners(labels) && taskAffinities.some(({ matchLabels }) => isOfLoners(matchLabels));

const isOfLoners = (labels: TaskSpec["labels"]): boolean => labels["kind"] === "loner";

const { UNSPECIFIED, EQUAL, NOT_EQUAL } = ConstraintOperator;

const isKnown = ({ key, operator }: Constraint): boolean =>
  key === "zone" && [UNSPECIFIED, EQUAL, NOT_EQUAL].includes(operator);
