import { create } from "@bufbuild/protobuf";
import { toAssigned } from "../../core/custom-resources.ts";
import type { Placed } from "../../core/placement/decision.ts";
import { createPlacer, type Placer } from "../../core/placement/place.ts";
import { toTimestamp } from "../../core/time.ts";
import { type Placement, PlacementSchema } from "../../gen/berth/v1/placement_pb.ts";
import { type Bookings, createBookings } from "./bookings.ts";
import type { Ledger } from "./ledger.ts";

/**
 * Where all who place attempts count what they promise. The scheduler loop keeps it up to date:
 * it takes in what workers are and what attempts gave back.
 */
export type PlacementBoard = Readonly<{ placer: Placer; bookings: Bookings }>;

export function createPlacementBoard({ tasks }: Pick<Ledger, "tasks">): PlacementBoard {
  const placer = createPlacer();
  return { placer, bookings: createBookings(placer, tasks) };
}

/** A decision as the contract has it. */
export const placementOf = (decision: Placed, scheduler: string, now: number): Placement =>
  create(PlacementSchema, {
    workerId: decision.workerId,
    scheduler,
    score: decision.score,
    affinity: decision.affinity,
    lead: decision.lead,
    runnerUps: decision.runnerUps.map((runnerUp) => ({ ...runnerUp })),
    exclusions: decision.exclusions.map((exclusion) => ({ ...exclusion })),
    placeTime: toTimestamp(now),
    assigned: toAssigned(decision.assigned),
  });
