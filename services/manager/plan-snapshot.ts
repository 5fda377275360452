import type { Occupant, Snapshot } from "../../core/plan/scene.ts";
import { retryMs } from "../../core/restart.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Bookings } from "./bookings.ts";
import type { Ledger } from "./ledger.ts";
import type { PlacementBoard } from "./placement-board.ts";

export type SnapshotDeps = Readonly<{
  ledger: Readonly<{ tasks: Pick<Ledger["tasks"], "pending" | "placedOn" | "workerIds"> }>;
  board: Readonly<{
    placer: Pick<PlacementBoard["placer"], "fork">;
    bookings: Pick<Bookings, "of">;
    waiting: Pick<PlacementBoard["waiting"], "isDue">;
  }>;
  clock: Clock;
}>;

/** Whose tasks a plan must know of: those of some workers, or all. */
type Scope = "all" | Iterable<string>;

export type Taken = Readonly<{ snapshot: Snapshot; retryingCount: number }>;

/** The cluster as it is at this moment, for a plan to begin with. */
export function takeSnapshot({ ledger, board, clock }: SnapshotDeps, scope: Scope): Taken {
  const now = clock.now();
  const all = [...ledger.tasks.pending()];
  const pending = all.filter((task) => retryMs(task, now) <= now);
  const due = pending.filter(({ id }) => board.waiting.isDue(id, now)).map(({ id }) => id);
  const workerIds = scope === "all" ? ledger.tasks.workerIds() : scope;
  const occupantsOn = (workerId: string): readonly Occupant[] =>
    [...ledger.tasks.placedOn(workerId)].map((task) => {
      return { task, booked: board.bookings.of(task.id) };
    });
  const occupants = new Map([...workerIds].map((id) => [id, occupantsOn(id)] as const));
  return {
    snapshot: { placer: board.placer.fork(), occupants, pending, due, now },
    retryingCount: all.length - pending.length,
  };
}
