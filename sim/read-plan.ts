import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { faultNames, faults, isFaultName } from "./faults.ts";
import { managerNames } from "./managers.ts";
import { completePlan, LEADER, type Plan, type Step } from "./plan.ts";
import { registryNames } from "./registries.ts";

/** What became of a plan that a person wrote: it, or every problem with it. */
export type PlanReading =
  | Readonly<{ kind: "read"; plan: Plan }>
  | Readonly<{ kind: "refused"; problems: readonly string[] }>;

const STEPS = ["submit", "stop", "remove", "set-availability", "rebalance", "fault"];
const AVAILABILITIES = ["ACTIVE", "PAUSED", "DRAINING"];

/** More are no simulation of ours. */
const WORKERS_MAX = 50;
const MANAGERS_MAX = 5;
const REGISTRIES_MAX = 5;

/** Reads a plan from plain data, such as YAML gives. */
export function readPlan(data: unknown): PlanReading {
  const given = recordOf(data);
  const steps = given?.["steps"];
  if (!given || !Array.isArray(steps))
    return { kind: "refused", problems: ["a plan is an object with a list of `steps`"] };
  const { workerCount = 3, managerCount = 1, registryCount = 1 } = given;
  const workers = Array.from({ length: Number(workerCount) }, (_, i) => `worker-${i + 1}`);
  const managers = managerNames(isWhole(managerCount, 1, MANAGERS_MAX) ? Number(managerCount) : 1);
  const hasRegistries = isWhole(registryCount, 1, REGISTRIES_MAX);
  const registries = registryNames(hasRegistries ? Number(registryCount) : 1);
  const problems = [
    ...(isWhole(managerCount, 1, MANAGERS_MAX) ? [] : [`managerCount is not 1 to ${MANAGERS_MAX}`]),
    ...(hasRegistries ? [] : [`registryCount is not 1 to ${REGISTRIES_MAX}`]),
    ...(isWhole(workerCount, 1, WORKERS_MAX) ? [] : [`workerCount is not 1 to ${WORKERS_MAX}`]),
    ...["seed", "troubleMs", "storeLagMs"].flatMap((name) =>
      given[name] === undefined || isWhole(given[name], 0, MS_MAX) ? [] : [`${name} is no number`],
    ),
    ...steps.flatMap((step, index) =>
      problemsOf(step, { workers, managers, registries }).map(
        (problem) => `step ${index + 1}: ${problem}`,
      ),
    ),
  ];
  return problems.length > 0
    ? { kind: "refused", problems }
    : { kind: "read", plan: completePlan({ ...given, steps: steps as Step[] }) };
}

const CALLS_MAX = 100;

/** A day. */
const MS_MAX = 86_400_000;

type Fields = Readonly<Record<string, unknown>>;

const recordOf = (data: unknown): Fields | undefined =>
  typeof data === "object" && data !== null && !Array.isArray(data) ? (data as Fields) : undefined;

const isWhole = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && Number(value) >= least && Number(value) <= most;

type Machines = Readonly<Record<"workers" | "managers" | "registries", readonly string[]>>;

function problemsOf(data: unknown, machines: Machines): readonly string[] {
  const { workers } = machines;
  const step = recordOf(data);
  if (!step) return ["is not an object"];
  const time = isWhole(step["atMs"], 0, MS_MAX) ? [] : ["atMs is not a number of milliseconds"];
  switch (step["do"]) {
    case "submit":
      return [
        ...time,
        ...nameProblems(step),
        ...specProblems(step["spec"]),
        ...numberProblems(step, "calls", [1, CALLS_MAX]),
        ...numberProblems(step, "againMs", [0, MS_MAX]),
      ];
    case "stop":
    case "remove":
      return [...time, ...nameProblems(step)];
    case "set-availability":
      return [
        ...time,
        ...choiceProblems(step, "worker", workers),
        ...choiceProblems(step, "to", AVAILABILITIES),
      ];
    case "rebalance":
      return time;
    case "fault":
      return [...time, ...faultProblems(step, machines)];
    default:
      return [...time, ...choiceProblems(step, "do", STEPS)];
  }
}

const nameProblems = ({ task }: Fields): readonly string[] =>
  typeof task === "string" && task !== "" ? [] : ["task is not the name of a task"];

function specProblems(spec: unknown): readonly string[] {
  try {
    fromJson(TaskSpecSchema, (spec ?? null) as JsonValue);
    return [];
  } catch (error) {
    return [`spec: ${error instanceof Error ? error.message : error}`];
  }
}

/** A number that may be left out. */
const numberProblems = (step: Fields, field: string, [least, most]: readonly [number, number]) =>
  step[field] === undefined || isWhole(step[field], least, most)
    ? []
    : [
        `${field} is ${JSON.stringify(step[field])}: must be a whole number from ${least} to ${most}`,
      ];

const choiceProblems = (step: Fields, field: string, choices: readonly string[]) =>
  choices.includes(String(step[field]))
    ? []
    : [`${field} is ${JSON.stringify(step[field])}: must be one of ${choices.join(", ")}`];

function faultProblems(step: Fields, { workers, registries, ...rest }: Machines) {
  const managers = rest.managers.length > 1 ? [...rest.managers, LEADER] : rest.managers;
  const name = String(step["fault"]);
  if (!isFaultName(name)) return choiceProblems(step, "fault", faultNames);
  const machines = [...managers, ...registries, ...workers];
  switch (faults[name].target) {
    case "manager":
      return choiceProblems(step, "on", managers);
    case "workers":
      return choiceProblems(step, "on", ["workers"]);
    case "worker":
      return choiceProblems(step, "on", workers);
    case "part":
      return choiceProblems(step, "on", machines);
    case "task":
      return typeof step["on"] === "string" ? [] : ["on is not the name of a task"];
    case "pair":
      return ["on", "to"].flatMap((end) => choiceProblems(step, end, [...machines, "user"]));
  }
}
