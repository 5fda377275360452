import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { observe } from "../core/observe.ts";
import { createPlacer } from "../core/placement/place.ts";
import { worker } from "../core/placement/samples.ts";
import { makePlan, type Step } from "../core/plan/plan.ts";
import type { Occupant } from "../core/plan/scene.ts";
import { atOnce } from "../core/plan/slices.ts";
import { schedule } from "../core/task-change.ts";
import { questionOf } from "../core/task-question.ts";
import { PlacementSchema } from "../gen/berth/v1/placement_pb.ts";
import { RestartMode, type Task, type TaskSpecSchema, TaskState } from "../gen/berth/v1/task_pb.ts";
import { aPendingTask, aStatus, GIB, START_MS } from "./builders.ts";

/** For tests: a spec as a user gives it. */
export type Spec = MessageInitShape<typeof TaskSpecSchema>;

export const ALWAYS = { restartPolicy: { mode: RestartMode.ALWAYS } };

/** For tests: a task that reserves so much memory, and is restarted. */
export const memory = (gib: number): Spec => ({
  ...ALWAYS,
  reservation: { memoryBytes: BigInt(gib * GIB) },
});

/** For tests: workers of 8 GiB each, and what runs there. */
export function createCluster(ids: readonly string[]) {
  const placer = createPlacer(ids.map((id) => worker(id)));
  const occupants = new Map<string, Occupant[]>(ids.map((id) => [id, []]));
  const pending: Task[] = [];

  return {
    placer,
    pending,
    run(id: string, workerId: string, spec: Spec = ALWAYS): void {
      const task = runningOn(aPendingTask(id, spec), workerId);
      const { demand } = questionOf(task);
      placer.book(workerId, demand);
      occupants.get(workerId)?.push({ task, booked: [{ workerId, demand }] });
    },
    /** A task that has something on two workers. */
    moveTo(to: string, from: string, task: Task): void {
      const { demand } = questionOf(task);
      const booked = [from, to].map((workerId) => ({ workerId, demand }));
      for (const workerId of [from, to]) {
        placer.book(workerId, demand);
        occupants.get(workerId)?.push({ task, booked });
      }
    },
    snapshot: () => ({
      placer: placer.fork(),
      ...{ occupants, pending, due: [], now: START_MS },
    }),
    plan(steps: readonly Step[], withRisks = false) {
      return atOnce(makePlan(this.snapshot(), { steps, withRisks, aids }));
    },
  };
}

const aids = { cure: () => undefined, holder: () => "" };

/** For tests: the task, running. */
export function runningOn(task: Task, workerId: string): Task {
  const placement = create(PlacementSchema, { workerId, scheduler: "spread" });
  const status = aStatus(TaskState.RUNNING, { containerId: "c1" });
  const sight = { attempt: 1, status, now: START_MS, jitter: 0 };
  return observe(schedule(task, placement, START_MS).task, sight).at(-1)?.task ?? task;
}

export const submit = (id: string, spec: Spec = {}, index = 0): Step => ({
  kind: "submit",
  index,
  task: aPendingTask(id, spec),
});
export const drain = (workerId: string, index = 0): Step => ({ kind: "drain", index, workerId });
export const lose = (workerId: string, index = 0): Step => ({ kind: "lose", index, workerId });
export const add = (workerId: string, index = 0): Step => ({
  kind: "add",
  index,
  worker: worker(workerId),
});
