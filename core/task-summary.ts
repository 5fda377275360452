import { type Attempt, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { choiceText } from "./choice-text.ts";
import { attemptsOf } from "./live-attempts.ts";
import { outcomeText } from "./outcomes.ts";
import { outlookOf, seconds } from "./outlook.ts";
import type { Appraisal, Suitable } from "./placement/explain.ts";
import { isBetter, type Ranked } from "./placement/ranked.ts";
import { retryMs } from "./restart.ts";
import { currentAttempt, workerOf } from "./task-change.ts";
import { isTerminal, stateName } from "./task-state.ts";

/** What placement finds for a task now. */
export type Prospect = Readonly<{
  appraisals: readonly Appraisal[];
  /** Why no worker can take it: "too little memory on 2 workers; 1 worker not ready". */
  explanation: string;
  now: number;
}>;

/** Why a task is where it is, in a sentence of which it is the subject. */
export function summarize(task: Task, prospect: Prospect): string {
  if (task.state === TaskState.PENDING) return whyPending(task, prospect);
  if (isTerminal(task.state)) return `${currentText(task)}; ${outlookOf(task, prospect.now)}`;
  return whyThere(task);
}

function whyPending(task: Task, { appraisals, explanation, now }: Prospect): string {
  const best = bestOf(appraisals);
  const waitMs = retryMs(task, now) - now;
  if (waitMs <= 0)
    return best
      ? `is about to be placed: worker ${best.candidate.workerId} can take it`
      : `waits: ${explanation}`;
  const next = `waits ${seconds(waitMs)} for attempt ${currentAttempt(task).number}`;
  return best
    ? withDetail(next, task.waitingReason)
    : `${next}, and no worker can take it now: ${explanation}`;
}

const ORDER: readonly Appraisal["kind"][] = ["preferred", "fits", "avoided"];

/** The worker that placement would choose. Undefined when none can take the task. */
function bestOf(appraisals: readonly Appraisal[]): Suitable | undefined {
  let best: Suitable | undefined;
  for (const each of appraisals)
    if (each.kind !== "excluded" && (!best || goesFirst(each, best))) best = each;
  return best;
}

const goesFirst = (a: Suitable, b: Suitable): boolean =>
  a.kind === b.kind
    ? isBetter(rankedOf(a), rankedOf(b))
    : ORDER.indexOf(a.kind) < ORDER.indexOf(b.kind);

const rankedOf = ({ candidate: { workerId }, lead, affinity, score }: Suitable): Ranked => ({
  ...{ workerId, lead, affinity, score },
});

/** Of a task that is placed and has not ended. */
function whyThere(task: Task): string {
  const verb = task.state === TaskState.RUNNING ? "runs" : `is ${stateName(task.state)}`;
  const there = `${verb} on ${workerOf(task)}`;
  if (task.waitingReason !== "") return `${there}: ${task.waitingReason}`;
  const { placement, status } = currentAttempt(task);
  const choice = placement ? `, chosen by ${placement.scheduler} ${choiceText(placement)}` : "";
  const probe = status?.probeMessage ? `; a probe of it fails: ${status.probeMessage}` : "";
  return `${there}${choice}${probe}${moveText(task.successor)}`;
}

const moveText = (successor: Attempt | undefined): string =>
  successor
    ? `; it moves to ${successor.placement?.workerId} as soon as attempt ${successor.number} serves there`
    : "";

const withDetail = (text: string, detail: string): string =>
  detail === "" ? text : `${text}: ${detail}`;

function currentText(task: Task): string {
  const current = attemptsOf(task).find(({ role }) => role === "current");
  return current ? outcomeText(current) : stateName(task.state);
}
