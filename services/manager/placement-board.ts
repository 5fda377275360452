import { createPlacer, type Placer } from "../../core/placement/place.ts";
import { type Bookings, createBookings } from "./bookings.ts";
import type { Ledger } from "./ledger.ts";
import { createWaitingList, type WaitingList } from "./waiting-list.ts";

/**
 * Where all who place attempts count what they promise. The scheduler loop keeps it up to date:
 * it takes in what workers are and what attempts gave back.
 */
export type PlacementBoard = Readonly<{
  placer: Placer;
  bookings: Bookings;
  /** Written by the scheduler loop alone: which pending tasks it need not try now. */
  waiting: WaitingList;
}>;

export function createPlacementBoard({ tasks }: Pick<Ledger, "tasks">): PlacementBoard {
  const placer = createPlacer();
  return { placer, bookings: createBookings(placer, tasks), waiting: createWaitingList() };
}
