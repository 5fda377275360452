import { type Demand, demandOf } from "../../core/placement/demand.ts";
import type { Placer } from "../../core/placement/place.ts";
import { isTerminal } from "../../core/task-state.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Ledger, LedgerChange } from "./ledger.ts";

type Booking = Readonly<{ workerId: string; demand: Demand }>;

/** What the placer has counted for which attempt, so that nothing is given back twice. */
export function createBookings(placer: Placer, tasks: Ledger["tasks"]) {
  const booked = new Map<string, Booking>();

  function release(task: Task): boolean {
    const booking = booked.get(keyOf(task));
    if (!booking) return false;
    booked.delete(keyOf(task));
    return placer.release(booking.workerId, booking.demand);
  }

  return {
    /** The placer has just booked this by its own decision. */
    note: (task: Task, booking: Booking) => void booked.set(keyOf(task), booking),
    /** Counts what the ledger says is placed on a worker that the placer has just met. */
    bookAll(workerId: string): void {
      for (const task of tasks.placedOn(workerId)) {
        if (!task.spec || booked.has(keyOf(task))) continue;
        const demand = demandOf(task.spec);
        if (placer.book(workerId, demand)) booked.set(keyOf(task), { workerId, demand });
      }
    },
    /** Gives back what attempts had that ended or went. Whether there was any. */
    release(changes: readonly LedgerChange[]): boolean {
      const ended = changes.filter(({ task, removed }) => removed || isTerminal(task.state));
      return ended.map(({ task }) => release(task)).includes(true);
    },
  };
}

const keyOf = ({ id, attempt }: Task) => `${id}/${attempt?.number}`;
