import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { looksAtOthers } from "../pending-order.ts";
import type { Decision, Unplaced } from "../placement/decision.ts";
import { keyOf } from "../placement/demand.ts";
import type { Placer } from "../placement/place.ts";
import type { Question } from "../placement/survey.ts";
import type { Wishes } from "../placement/wishes.ts";
import { questionOf } from "../task-question.ts";

/** What was decided about a task, and for what. */
export type Choice = Readonly<{ question: Question; wishes: Wishes; decision: Decision }>;

/** Asks a placer about one task after another. */
export interface Chooser {
  choose(task: Task, wishes: Wishes): Choice;
  /** A worker has more room than before, or there is another one: nothing is hopeless any more. */
  reconsider(): void;
}

/** The same for tasks that no worker takes if it does not take one of them. */
export const askKey = ({ demand, scheduler }: Question, { exclude }: Wishes): string =>
  [scheduler.name, keyOf(demand), ...exclude].join(" ");

/**
 * What was found once to fit nowhere is not looked for again, so that many equal tasks without a
 * place cost one look. Where a task looks at others, every placement may change the answer.
 */
export function createChooser(placer: Placer): Chooser {
  const hopeless = new Map<string, Unplaced>();
  return {
    choose(task, wishes) {
      const question = questionOf(task);
      const { demand, scheduler } = question;
      const key = askKey(question, wishes);
      const decision = hopeless.get(key) ?? placer.place(demand, scheduler, wishes);
      if (decision.kind === "unplaced" && !looksAtOthers(demand)) hopeless.set(key, decision);
      return { question, wishes, decision };
    },
    reconsider: () => hopeless.clear(),
  };
}
