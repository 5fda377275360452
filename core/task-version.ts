import type { TaskVersion } from "../gen/berth/v1/past_pb.ts";
import type { Task, TaskSpec } from "../gen/berth/v1/task_pb.ts";
import { assert } from "../lib/assert.ts";

/**
 * What is stored of a task after a change, so that it can be told later how it was. The spec, which
 * never changes, is not in it, nor is what this change took over from `before` as it was: most of what
 * a task says is about its placement and its past attempts, and most changes are about neither.
 */
export function versionOf(task: Task, before: Task | undefined): TaskVersion {
  const placement = task.attempt?.placement;
  const samePlacement = placement !== undefined && placement === before?.attempt?.placement;
  const samePastAttempts =
    task.pastAttempts.length > 0 && task.pastAttempts === before?.pastAttempts;
  const slim: Task = { ...task, id: "", spec: undefined };
  if (samePastAttempts) slim.pastAttempts = [];
  if (samePlacement && slim.attempt) slim.attempt = { ...slim.attempt, placement: undefined };
  return {
    $typeName: "berth.v1.TaskVersion",
    task: slim,
    samePlacement,
    samePastAttempts,
    firstRevision: 0n,
  };
}

/** What no version says of its task. */
type Constant = Readonly<{ id: string; spec?: TaskSpec | undefined }>;

/** The task as a version left it. `before` is the task as the version before left it. */
export function afterVersion(
  before: Task | undefined,
  { task, samePlacement, samePastAttempts }: TaskVersion,
  { id, spec }: Constant,
): Task {
  assert(task, `a version of task ${id} says how it was`);
  const after: Task = { ...task, id, ...(spec && { spec }) };
  if (samePastAttempts) after.pastAttempts = before?.pastAttempts ?? [];
  const placement = before?.attempt?.placement;
  if (samePlacement && placement && after.attempt) after.attempt = { ...after.attempt, placement };
  return after;
}

/** A version that needs none before it, for those, from the task's first on, are no longer kept. */
export const cutVersion = (task: Task, firstRevision: bigint): TaskVersion => ({
  ...versionOf(task, undefined),
  firstRevision,
});
