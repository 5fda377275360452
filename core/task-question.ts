import type { Task } from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";
import { demandOf } from "./placement/demand.ts";
import { schedulers } from "./placement/schedulers.ts";
import type { Question } from "./placement/survey.ts";

/** What a task asks of the fleet. Its spec is valid and has its defaults filled in. */
export function questionOf({ id, spec }: Task): Question {
  const scheduler = schedulers.get(spec?.scheduler ?? "");
  assert(spec && scheduler, `task ${id} has a valid spec`);
  return { demand: demandOf(spec), scheduler };
}
