import { Suitability } from "../gen/berth/v1/explanation_pb.ts";
import type { Placement, RunnerUp } from "../gen/berth/v1/placement_pb.ts";
import { toAssigned } from "./custom-resources.ts";
import type { Placed } from "./placement/decision.ts";
import type { Ranked, Wish } from "./placement/ranked.ts";
import { toTimestamp } from "./time.ts";

/** A decision as the contract has it. */
export const placementOf = (decision: Placed, scheduler: string, now: number): Placement => ({
  $typeName: "berth.v1.Placement",
  workerId: decision.workerId,
  scheduler,
  score: decision.score,
  affinity: decision.affinity,
  lead: decision.lead,
  suitability: suitabilityOf(decision),
  runnerUps: decision.runnerUps.map(runnerUpOf),
  exclusions: decision.exclusions.map((exclusion) => ({
    $typeName: "berth.v1.Exclusion",
    ...exclusion,
  })),
  placeTime: toTimestamp(now),
  assigned: toAssigned(decision.assigned),
});

const SUITABILITIES: Readonly<Record<Wish, Suitability>> = {
  preferred: Suitability.PREFERRED,
  avoided: Suitability.AVOIDED,
};

const suitabilityOf = ({ wish }: Pick<Ranked, "wish">): Suitability =>
  wish ? SUITABILITIES[wish] : Suitability.FITS;

const runnerUpOf = ({ workerId, score, affinity, lead, wish }: Ranked): RunnerUp => ({
  $typeName: "berth.v1.RunnerUp",
  ...{ workerId, score, affinity, lead },
  suitability: suitabilityOf({ wish }),
});
