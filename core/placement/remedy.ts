import { formatBytes, formatCpu } from "../validate-text.ts";
import type { Amount, Candidate } from "./candidate.ts";
import { createDemand, type Demand } from "./demand.ts";
import { type Appraisal, objectionsOf, type Unsuitable } from "./explain.ts";
import type { Filter } from "./filters.ts";
import { newWorker } from "./new-worker.ts";
import { createTrial, type Relaxation, relaxationsOf } from "./relaxation.ts";
import type { Question } from "./survey.ts";

/** The smallest single change after which a worker can take a demand. */
export type Remedy = Readonly<{
  /** For people. */
  explanation: string;
  /** The worker that can take it then. Empty where it is one that has yet to join, or there is none. */
  workerId: string;
  /** The only filter that objects to that worker now. */
  filter: string;
  /** What the task is to ask for instead, where that is the change. */
  demand?: Demand;
}>;

/** What makes a worker ready: a word of an operator's, or a hand at the machine. */
export type Cure = Readonly<{ kind: "decide" | "mend"; words: string }>;

/** What is known beside the fleet. */
export type Aids = Readonly<{
  /** What makes a worker ready that is not. Undefined where that takes more than one thing. */
  cure(workerId: string): Cure | undefined;
  /** The task to which a fixed port of a worker is promised. Empty where nobody knows. */
  holder(workerId: string, port: string): string;
}>;

/**
 * What a change asks of people, for comparison: to lower a reservation costs the share that is
 * taken away, so at most 1. The others are set beside that.
 */
const COSTS = {
  decide: 0.5,
  freePort: 0.75,
  refused: 1,
  relax: 1.5,
  mend: 2,
  change: 3,
  newWorker: 4,
} as const;

/** A change that makes one worker suitable. Its words are made only if it is the smallest. */
type Option = Readonly<{ cost: number; remedy: () => Remedy }>;

/** A worker to which exactly one filter objects. */
type Near = Readonly<{
  workerId: string;
  candidate: Candidate;
  filter: Filter;
  explanation: () => string;
}>;

type Scene = Readonly<{
  question: Question;
  aids: Aids;
  /** Whether a worker could take the task if that asked for less. */
  isEnough: (relaxation: Relaxation, candidate: Candidate) => boolean;
}>;

/**
 * The smallest single change after which a worker can take the demand, of equals on the worker
 * with the lowest ID. Undefined when one can take it as it is.
 */
export function findRemedy(
  appraisals: readonly Appraisal[],
  question: Question,
  aids: Aids,
): Remedy | undefined {
  const unsuitable = appraisals.filter((appraisal) => appraisal.kind === "excluded");
  if (unsuitable.length < appraisals.length) return undefined;
  const fleet = appraisals.map(({ candidate }) => candidate);
  const scene = { question, aids, isEnough: createTrial(fleet, question.scheduler) };
  let best: Option | undefined;
  for (const appraisal of unsuitable) {
    const near = nearOf(appraisal, question);
    const option = near && optionFor(near, scene);
    if (option && option.cost < (best?.cost ?? Number.POSITIVE_INFINITY)) best = option;
  }
  return best?.remedy() ?? remedyOfNone(unsuitable, question);
}

function nearOf(appraisal: Unsuitable, { demand }: Question): Near | undefined {
  const [ground, ...others] = appraisal.grounds;
  if (ground === undefined || others.length > 0) return undefined;
  const { candidate } = appraisal;
  const explanation = () =>
    objectionsOf(appraisal, demand)
      .map((objection) => objection.explanation)
      .join("; ");
  return { workerId: candidate.workerId, candidate, filter: ground.filter, explanation };
}

function optionFor(near: Near, scene: Scene): Option | undefined {
  const { question, aids } = scene;
  const { demand } = question;
  switch (near.filter.name) {
    case "cpu":
    case "memory":
    case "disk":
      return lowered(near, QUANTITIES[near.filter.name], demand);
    case "ready":
      return readied(near, aids.cure(near.workerId));
    case "ports":
      return freed(near, demand, aids);
    case "capability":
      return change(near, COSTS.mend, () => capabilityText(near, demand));
    case "refused":
      return change(near, COSTS.refused, () => refusedText(near));
    case "platform":
      return { cost: COSTS.newWorker, remedy: () => addWorker(question) };
    case "constraint":
    case "custom":
    case "spread":
    case "max-per-worker":
    case "task-affinity":
      return relaxed(near, scene);
    default:
      return change(near, COSTS.change, () => otherText(near));
  }
}

const change = ({ workerId, filter }: Near, cost: number, words: () => string): Option => ({
  cost,
  remedy: () => ({ explanation: words(), workerId, filter: filter.name }),
});

type Quantity = Readonly<{
  part: keyof Amount;
  noun: string;
  /** In words, never more than there is. */
  format(value: number): string;
}>;

const QUANTITIES: Readonly<Record<"cpu" | "memory" | "disk", Quantity>> = {
  cpu: { part: "cpuMillis", noun: "CPU", format: formatCpu },
  memory: { part: "memoryBytes", noun: "memory", format: formatBytes },
  disk: { part: "diskBytes", noun: "disk", format: formatBytes },
};

function lowered(near: Near, { part, noun, format }: Quantity, demand: Demand): Option {
  const { workerId, candidate, filter } = near;
  const { amount } = demand;
  const needed = amount[part];
  const room = Math.max(0, roomOn(candidate)[part]);
  return {
    cost: (needed - room) / needed,
    remedy: () => ({
      explanation: `${loweredText(noun, { needed, room, format })} (worker ${workerId} has room then)`,
      ...{ workerId, filter: filter.name },
      demand: createDemand({ ...demand, amount: { ...amount, [part]: room } }),
    }),
  };
}

/** What can still be set aside on a worker. */
const roomOn = ({ capacity, reserved, diskAvailableBytes }: Candidate): Amount => ({
  cpuMillis: capacity.cpuMillis - reserved.cpuMillis,
  memoryBytes: capacity.memoryBytes - reserved.memoryBytes,
  diskBytes: Math.min(
    capacity.diskBytes - reserved.diskBytes,
    diskAvailableBytes ?? Number.POSITIVE_INFINITY,
  ),
});

function loweredText(
  noun: string,
  { needed, room, format }: Readonly<{ needed: number; room: number }> & Pick<Quantity, "format">,
): string {
  if (room === 0) return `reserve no ${noun} instead of ${format(needed)}`;
  const isHidden = format(needed) === format(room);
  const [before, after] = isHidden ? [needed, `${room} bytes`] : [format(needed), format(room)];
  return `lower the ${noun} reservation from ${before} to ${after}`;
}

const readied = (near: Near, cure: Cure | undefined): Option | undefined =>
  cure && change(near, COSTS[cure.kind], () => cure.words);

function freed(near: Near, { hostPorts }: Demand, aids: Aids): Option {
  const { workerId, candidate } = near;
  const taken = hostPorts.filter((port) => candidate.usedPorts.has(port));
  const named = (port: string) => {
    const holder = aids.holder(workerId, port);
    return holder === "" ? port : `${port} (task ${holder} has it)`;
  };
  const noun = taken.length > 1 ? "ports" : "port";
  const words = () => `free ${noun} ${taken.map(named).join(", ")} on worker ${workerId}`;
  return change(near, COSTS.freePort * taken.length, words);
}

function capabilityText({ workerId, candidate }: Near, { capabilities }: Demand): string {
  const lacking = capabilities.filter((each) => !candidate.capabilities.has(each)).join(", ");
  return `start worker ${workerId} with the capability ${lacking}`;
}

const refusedText = ({ workerId }: Near): string =>
  `settle why worker ${workerId} refused the task; it is asked again within a minute`;

/** Of a filter that is not known here its own words are all there is to say. */
const otherText = ({ workerId, explanation }: Near): string =>
  `change what alone keeps worker ${workerId} from taking it: ${explanation()}`;

function relaxed({ workerId, candidate, filter }: Near, scene: Scene): Option | undefined {
  const options = relaxationsOf(filter.name, candidate, scene.question.demand);
  const enough = options.find((option) => scene.isEnough(option, candidate));
  if (enough === undefined) return undefined;
  const explanation = `${enough.text} (worker ${workerId} can take it then)`;
  const remedy = { explanation, workerId, filter: filter.name, demand: enough.demand };
  return { cost: COSTS.relax, remedy: () => remedy };
}

const addWorker = (question: Question): Remedy => ({
  explanation: `add ${newWorker(question)}`,
  workerId: "",
  filter: "",
});

/** What to say when every worker lacks more than one thing, or there are none. */
function remedyOfNone(unsuitable: readonly Unsuitable[], question: Question): Remedy {
  if (unsuitable.length === 0) return addWorker(question);
  const nearest = unsuitable.reduce((best, each) =>
    each.grounds.length < best.grounds.length ? each : best,
  );
  const words = objectionsOf(nearest, question.demand).map(({ explanation }) => explanation);
  const explanation =
    `no single change to the workers or the task was found to be enough: worker ` +
    `${nearest.candidate.workerId} is nearest (${words.join("; ")}); or add ${newWorker(question)}`;
  return { explanation, workerId: "", filter: "" };
}
