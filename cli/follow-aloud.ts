import type { Task } from "../gen/berth/v1/task_pb.ts";
import type { Context, Manager } from "./context.ts";
import { createDeadline } from "./deadline.ts";
import { followTask, type Step } from "./follow-task.ts";
import { createStepTeller, type StepTeller } from "./step-teller.ts";

type Options = Readonly<{
  /** The task as the caller knows it. */
  start: Task;
  /** Undefined: as long as it takes. */
  timeoutMs: number | undefined;
  /** Whether the steps on the way are left out. */
  quiet: boolean;
}>;

type TaskStep = Exclude<Step, { kind: "reconnecting" }>;

/** What an act may do about the following that it is part of. */
type Following = Readonly<{ teller: StepTeller; stopTheClock: () => void }>;

/** How it ended: with the act's result, or without one since time ran out or the user left. */
type Ending<R> = Readonly<{ task: Task; result: R | undefined }>;

/**
 * Follows a task and tells each step on stderr, until `act` answers one with a result, time runs out
 * or the user leaves.
 */
export async function followAloud<R>(
  context: Context,
  manager: Manager,
  { start, timeoutMs, quiet }: Options,
  act: (step: TaskStep, following: Following) => Promise<R | undefined>,
): Promise<Ending<R>> {
  const { clock, interrupted } = context;
  const deadline = createDeadline(clock, timeoutMs, interrupted);
  const teller = createStepTeller(context, quiet);
  const following = { teller, stopTheClock: deadline.cancel };
  let task = start;
  try {
    for await (const step of followTask(manager, start, { clock, signal: deadline.signal })) {
      teller.tell(step);
      if (step.kind === "reconnecting") continue;
      task = step.task;
      const result = await act(step, following);
      if (result !== undefined) return { task, result };
    }
    return { task, result: undefined };
  } finally {
    deadline.cancel();
    teller.end();
  }
}
