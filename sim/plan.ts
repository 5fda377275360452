import type { JsonObject } from "@bufbuild/protobuf";

/** All that happens in a simulated world, as data: the same plan gives the same run. */
export type Plan = Readonly<{
  /** Decides on everything that the plan leaves to chance, such as delays. */
  seed: number;
  workerCount: number;
  /** More than one share a store, and one of them leads. Default: 1, with a store of its own. */
  managerCount?: number;
  /** How much later than it answers a store that managers share tells them of changes. Default: 0. */
  storeLagMs?: number;
  /** How many registries there are, each other's peers. Default: 1. */
  registryCount?: number;
  /** When all faults are over, at the latest. */
  troubleMs: number;
  steps: readonly Step[];
}>;

export type Step = UserStep | OperatorStep | FaultStep;

/** What a user does. Tasks are called by names of the plan's own. */
export type UserStep = Readonly<{ atMs: number }> &
  (
    | Readonly<{
        do: "submit";
        task: string;
        /** In the JSON form of `berth.v1.TaskSpec`. */
        spec: JsonObject;
        /** How many calls with the same request ID are made at once. Default: 1. */
        calls?: number;
        /**
         * How long after the answer the same call is made once more, as a program does that has
         * not noted the answer.
         */
        againMs?: number;
      }>
    | Readonly<{ do: "stop"; task: string }>
    | Readonly<{ do: "remove"; task: string; force?: boolean }>
  );

/** What an operator does. */
export type OperatorStep = Readonly<{ atMs: number }> &
  (
    | Readonly<{ do: "set-availability"; worker: string; to: "ACTIVE" | "PAUSED" | "DRAINING" }>
    | Readonly<{ do: "rebalance" }>
  );

/** What goes wrong, where, and for how long. */
export type FaultStep = Readonly<{
  do: "fault";
  atMs: number;
  fault: string;
  /** A machine, such as `worker-1` or `leader`, or a task of the plan, as the fault has it. */
  on: string;
  /** The other machine, for faults of the network. */
  to?: string;
  /** How long it lasts. Without meaning for what happens in a moment. */
  forMs?: number;
  /** How bad it is, in the fault's own unit. */
  level?: number;
}>;

/** Of several managers the one that leads when the fault begins. */
export const LEADER = "leader";

/** A plan that a person wrote, with defaults for what it leaves out. */
export function completePlan(plan: Partial<Plan>): Plan {
  const steps = plan.steps ?? [];
  const lastMs = steps.reduce((last, step) => Math.max(last, endOf(step)), 0);
  return { seed: 1, workerCount: 3, troubleMs: lastMs, ...plan, steps };
}

const endOf = (step: Step): number => step.atMs + (step.do === "fault" ? (step.forMs ?? 0) : 0);
