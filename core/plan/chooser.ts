import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { createPassPlacer } from "../pass-placer.ts";
import type { Decision } from "../placement/decision.ts";
import type { Placer } from "../placement/place.ts";
import type { Question } from "../placement/survey.ts";
import type { Wishes } from "../placement/wishes.ts";
import { questionOf } from "../task-question.ts";

/** What was decided about a task, and for what. */
export type Choice = Readonly<{ question: Question; wishes: Wishes; decision: Decision }>;

/** Decides about the tasks of one pass, one after another: workers only get fuller meanwhile. */
export type Chooser = (task: Task, wishes: Wishes) => Choice;

export function createChooser(placer: Placer): Chooser {
  const place = createPassPlacer(placer);
  return (task, wishes) => {
    const question = questionOf(task);
    return { question, wishes, decision: place({ ...question, wishes }) };
  };
}
