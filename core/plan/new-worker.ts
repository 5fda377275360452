import type { PlanWorker } from "../../gen/berth/v1/plan_pb.ts";
import { assert } from "../../lib/assert.ts";
import { customCapacityOf } from "../custom-resources.ts";
import { amountOf, type Facts } from "../placement/candidate.ts";
import { parsePlatform } from "../platform.ts";

/** As the contract says of `PlanWorker.platform`. */
const PLATFORM_DEFAULT = "linux/amd64";

/** A worker that might join, as valid in the request: idle and ready. */
export function newWorkerOf(given: PlanWorker, workerId: string): Facts {
  const parsed = parsePlatform(given.platform || PLATFORM_DEFAULT);
  assert(parsed.kind === "parsed", `the platform of a valid worker can be read: ${given.platform}`);
  const { os, architecture = "" } = parsed.platform;
  return {
    workerId,
    ready: true,
    hostname: workerId,
    version: "",
    labels: given.labels,
    operatorLabels: {},
    ...{ os, architecture },
    capabilities: new Set(given.capabilities),
    capacity: amountOf(given.capacity),
    customCapacity: customCapacityOf(given.capacity),
  };
}
