import { DesiredState } from "../gen/berth/v1/task_pb.ts";
import type { UserStep } from "./plan.ts";

/** What a user wants of a task, and what was confirmed to them. */
export type Wish = {
  /** The task's name in the plan and in its spec. */
  readonly name: string;
  /** Undefined until the submission was confirmed. */
  taskId: string | undefined;
  /** The furthest that was asked for, whether or not it was confirmed. */
  asked: DesiredState;
  /** The furthest that was confirmed. */
  confirmed: DesiredState;
  /** Whether a removal without force was asked for, which happens only to what has ended. */
  mayBeRemoved: boolean;
};

export type SubmitStep = Extract<UserStep, { do: "submit" }>;
export type ChangeStep = Exclude<UserStep, { do: "submit" }>;

export const createWish = (name: string): Wish => ({
  name,
  taskId: undefined,
  asked: DesiredState.RUN,
  confirmed: DesiredState.UNSPECIFIED,
  mayBeRemoved: false,
});

/** What a user asks for may happen from the moment they ask. */
export function ask(wish: Wish, step: ChangeStep): void {
  if (step.do === "remove" && !step.force) wish.mayBeRemoved = true;
  else wish.asked = further(wish.asked, desiredBy(step));
}

/** What was confirmed holds. */
export function confirm(wish: Wish, step: UserStep): void {
  const desired = desiredBy(step);
  wish.asked = further(wish.asked, desired);
  wish.confirmed = further(wish.confirmed, desired);
}

const further = (a: DesiredState, b: DesiredState): DesiredState => (a < b ? b : a);

function desiredBy(step: UserStep): DesiredState {
  switch (step.do) {
    case "submit":
      return DesiredState.RUN;
    case "stop":
      return DesiredState.STOP;
    case "remove":
      return DesiredState.REMOVE;
  }
}
