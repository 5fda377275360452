import { create } from "@bufbuild/protobuf";
import { type Placement, PlacementSchema } from "../gen/berth/v1/placement_pb.ts";
import { toAssigned } from "./custom-resources.ts";
import type { Placed } from "./placement/decision.ts";
import { toTimestamp } from "./time.ts";

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
