import type { Placement } from "../../gen/berth/v1/placement_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Unplaced } from "../placement/decision.ts";
import type { Past } from "../placement/explain.ts";
import type { Question } from "../placement/survey.ts";

/** What would become of a task. */
export type Fate =
  /** A worker takes it. `note` says what it has to wait for before; empty where nothing. */
  | Readonly<{ kind: "placed"; placement: Placement; note: string }>
  /** No worker can: it waits for a place, or stays where it is though its worker drains. */
  | (Omit<Unplaced, "kind"> & Readonly<{ kind: "unplaced"; question: Question; past: Past }>)
  /** It goes on where it is: nothing has to become of it, or nothing can. */
  | Readonly<{ kind: "stays"; workerId: string; reason: string }>
  /** It is not tried again. */
  | Readonly<{ kind: "ends"; reason: string }>;

/** A task that a plan does something about. */
export type PlannedTask = Readonly<{
  /** As it was before the plan. */
  task: Task;
  /** Where it was before. Empty: nowhere. */
  fromWorkerId: string;
  /** The last step that did something about it. Undefined: it waited for a place before. */
  step: number | undefined;
  fate: Fate;
}>;
