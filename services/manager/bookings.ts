import { type Assigned, assignedOf } from "../../core/custom-resources.ts";
import { attemptsOf, isLive, type KnownAttempt, liveOn } from "../../core/live-attempts.ts";
import { type Demand, demandOf } from "../../core/placement/demand.ts";
import type { Placer } from "../../core/placement/place.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";

export type Booking = Readonly<{
  workerId: string;
  demand: Demand;
  /** Which of the worker's named things it got. */
  assigned?: Assigned | undefined;
}>;

type AttemptName = Readonly<{ taskId: string; attempt: number }>;

/** What the placer has counted for which attempt, so that nothing is given back twice. */
export interface Bookings {
  /** The placer has just booked this by its own decision. */
  note(name: AttemptName, booking: Booking): void;
  /** Counts what the ledger says is placed on a worker that the placer has just met. */
  bookAll(workerId: string): void;
  /**
   * Gives back what attempts had that ended or went, and counts those that live again. Whether
   * anything became free.
   */
  follow(changes: readonly LedgerChange[]): boolean;
  /** What is counted for the attempts of a task now. */
  of(taskId: string): readonly Booking[];
}

export function createBookings(placer: Placer, tasks: Ledger["tasks"]): Bookings {
  /** By task, then by the number of the attempt. A task that moves has two. */
  const booked = new Map<string, Map<number, Booking>>();

  function note({ taskId, attempt }: AttemptName, booking: Booking): void {
    const ofTask = booked.get(taskId) ?? new Map<number, Booking>();
    booked.set(taskId, ofTask.set(attempt, booking));
  }

  /** What the head no longer holds is free: whoever gets it becomes durable after its end. */
  function release(taskId: string, live: readonly KnownAttempt[]): boolean {
    const ofTask = booked.get(taskId);
    if (!ofTask) return false;
    const ended = [...ofTask].filter(([attempt]) => !live.some(({ number }) => number === attempt));
    for (const [attempt, { workerId, demand, assigned }] of ended) {
      ofTask.delete(attempt);
      placer.release(workerId, demand, assigned);
    }
    if (ofTask.size === 0) booked.delete(taskId);
    return ended.length > 0;
  }

  function follow(taskId: string): boolean {
    const task = tasks.get(taskId);
    const live = task ? attemptsOf(task).filter(isLive) : [];
    const isFreed = release(taskId, live);
    // An attempt that was given up for lost may have come back.
    if (task) for (const each of live) bookOne(task, each);
    return isFreed;
  }

  function bookOne(task: Task, { number, workerId, attempt }: KnownAttempt): void {
    if (!task.spec || booked.get(task.id)?.has(number)) return;
    const demand = demandOf(task.spec);
    const assigned = assignedOf(attempt.placement);
    if (placer.book(workerId, demand, assigned))
      note({ taskId: task.id, attempt: number }, { workerId, demand, assigned });
  }

  return {
    note,
    bookAll(workerId) {
      for (const task of tasks.placedOn(workerId))
        for (const attempt of liveOn(task, workerId)) bookOne(task, attempt);
    },
    follow: (changes) => changes.map(({ task }) => follow(task.id)).includes(true),
    of: (taskId) => [...(booked.get(taskId)?.values() ?? [])],
  };
}
