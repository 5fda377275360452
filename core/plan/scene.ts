import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { assert } from "../../lib/assert.ts";
import { byPriority } from "../pending-order.ts";
import type { Unplaced } from "../placement/decision.ts";
import type { Past } from "../placement/explain.ts";
import type { Placer } from "../placement/place.ts";
import { placementOf } from "../placement-message.ts";
import { workerOf } from "../task-change.ts";
import type { Choice } from "./chooser.ts";
import type { Fate, PlannedTask } from "./fate.ts";
import { started } from "./lives.ts";

/** What a task is promised on a worker. */
export type Booked = Past["booked"][number];

/** A task, and all that it is promised anywhere. */
export type Occupant = Readonly<{ task: Task; booked: readonly Booked[] }>;

/** What a plan begins with: the cluster at one moment. */
export type Snapshot = Readonly<{
  /** The plan's own: it books there. */
  placer: Placer;
  /** Who is on which worker, at least of all workers that steps drain or lose. */
  occupants: ReadonlyMap<string, readonly Occupant[]>;
  /** All that wait for a place, apart from those whose next try is not due, in their order. */
  pending: readonly Task[];
  /** Those that the scheduler is about to try. The others wait until something changes. */
  due: Iterable<string>;
  /** Milliseconds since the Unix epoch. */
  now: number;
}>;

/** The cluster as a plan has changed it so far. */
export type Scene = ReturnType<typeof createScene>;

export function createScene(snapshot: Snapshot) {
  const { placer, occupants, now } = snapshot;
  const workers = createRoster(occupants);
  const pending = new Map(snapshot.pending.map((task) => [task.id, task]));
  const isDue = new Set(snapshot.due);
  const notes = new Map<string, string>();
  const log = createLog();

  function settle(task: Task, choice: Choice, note = ""): void {
    const { decision, question } = choice;
    if (decision.kind === "unplaced") {
      pending.set(task.id, task);
      notes.set(task.id, note);
      if (log.has(task.id)) log.tell(task, unplaced(decision, choice));
      return;
    }
    const { demand, scheduler } = question;
    const { workerId, assigned } = decision;
    const placement = placementOf(decision, scheduler.name, now);
    pending.delete(task.id);
    workers.put({ task: started(task, placement, now), booked: [{ workerId, demand, assigned }] });
    log.tell(task, { kind: "placed", placement, note });
  }

  return {
    /** Workers that steps have drained or lost: nothing helps to bring them back. */
    closed: new Set<string>(),
    ...{ placer, now, workers, pending: pending as ReadonlyMap<string, Task>, log },
    /** Carries out what was decided about a task. `note` says what it has to wait for before. */
    settle,
    /** Why a task that waits for a place would not begin at once if it got one. Mostly empty. */
    noteOf: (taskId: string): string => notes.get(taskId) ?? "",
    /** A task is to be tried next: one that is new, or that waits for a place already. */
    enqueue(task: Task): void {
      pending.set(task.id, task);
      isDue.add(task.id);
    },
    /** The tasks to be tried now, in the order of the scheduler. */
    takeDue: (): readonly Task[] =>
      [...pending.values()].filter(({ id }) => isDue.delete(id)).sort(byPriority),
  };
}

/** The fate of a task that no worker takes. `booked` is what it has now, and keeps. */
export function unplaced(
  decision: Unplaced,
  { question, wishes }: Pick<Choice, "question" | "wishes">,
  booked: readonly Booked[] = [],
): Fate {
  // That it does not move to where it is has nothing to do with a worker's refusal.
  const home = new Set(booked.map(({ workerId }) => workerId));
  const exclude = new Set([...wishes.exclude].filter((workerId) => !home.has(workerId)));
  return { ...decision, question, past: { wishes: { ...wishes, exclude }, booked } };
}

/** Takes back what an occupant is promised on a worker. */
export function release(placer: Placer, { booked }: Occupant, workerId: string): void {
  for (const each of booked)
    if (each.workerId === workerId) placer.release(workerId, each.demand, each.assigned);
}

/** Lets a worker take nothing more. What is booked there stays. */
export function close(placer: Placer, workerId: string, notReadyReason: string): void {
  const candidate = placer.candidate(workerId);
  assert(candidate, `a plan closes only workers that are there: ${workerId}`);
  placer.observe({ ...candidate, ready: false, notReadyReason });
}

/** Who is where. */
function createRoster(occupants: Snapshot["occupants"]) {
  const known = new Map<string, Occupant>();
  const idsOn = new Map<string, Set<string>>();
  for (const [workerId, list] of occupants) {
    idsOn.set(workerId, new Set(list.map(({ task }) => task.id)));
    for (const occupant of list) known.set(occupant.task.id, occupant);
  }

  function remove(taskId: string): void {
    for (const { workerId } of known.get(taskId)?.booked ?? []) idsOn.get(workerId)?.delete(taskId);
    known.delete(taskId);
  }

  return {
    /** Workers with tasks, in the order of their IDs. */
    ids: () => [...idsOn.keys()].filter((id) => idsOn.get(id)?.size).sort(),
    on: (workerId: string): readonly Occupant[] =>
      [...(idsOn.get(workerId) ?? [])].flatMap((id) => known.get(id) ?? []),
    /** Replaces what is known of a task that is somewhere. */
    put(occupant: Occupant): void {
      const { task, booked } = occupant;
      remove(task.id);
      known.set(task.id, occupant);
      for (const { workerId } of booked) {
        const ids = idsOn.get(workerId) ?? new Set<string>();
        idsOn.set(workerId, ids.add(task.id));
      }
    },
    /** The task is nowhere any more. */
    remove,
  };
}

type Origin = Omit<PlannedTask, "fate">;

/** What became of whom. */
function createLog() {
  const origins = new Map<string, Origin>();
  const fates = new Map<string, Fate>();

  return {
    has: (taskId: string) => origins.has(taskId),
    /** A step does something about a task. What becomes of it is told next. */
    touch(task: Task, step: number): void {
      const before = origins.get(task.id) ?? { task, fromWorkerId: workerOf(task) };
      origins.set(task.id, { ...before, step });
    },
    /** What becomes of a task by what is known now. */
    tell(task: Task, fate: Fate): void {
      const origin = origins.get(task.id) ?? { task, fromWorkerId: "", step: undefined };
      origins.set(task.id, origin);
      fates.set(task.id, fate);
    },
    /** In the order in which they first came up. */
    all: (): readonly PlannedTask[] =>
      [...origins.values()].flatMap((origin) => {
        const fate = fates.get(origin.task.id);
        return fate ? [{ ...origin, fate }] : [];
      }),
  };
}
