import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { WorkerMetrics, WorkerPresence } from "../gen/berth/v1/worker_pb.ts";
import { copyTime } from "./time.ts";

/** What a heartbeat tells of a worker. What is absent stays as it was. */
export type Beat = Readonly<{
  metrics?: WorkerMetrics | undefined;
  heardTime?: Timestamp | undefined;
}>;

/**
 * Makes a worker's presence, in place, what it is after a heartbeat. What is kept of one heartbeat is
 * kept until the next: for V8 it is old by then, and what dies old costs several times what dies
 * young. Thus the numbers are taken over, and what they came in is left. What the presence has of
 * its metrics and of when it was heard must be its own.
 */
export function takeInBeat(presence: WorkerPresence, { metrics, heardTime }: Beat): void {
  if (metrics) presence.metrics = metricsAfter(presence.metrics, metrics);
  if (!heardTime) return;
  if (presence.heardTime) copyTime(presence.heardTime, heardTime);
  else presence.heardTime = heardTime;
}

/** What one has that the other lacks cannot be taken over by itself. */
function metricsAfter(kept: WorkerMetrics | undefined, latest: WorkerMetrics): WorkerMetrics {
  const { observeTime } = latest;
  if (!kept?.observeTime || !observeTime || kept.$unknown || latest.$unknown) return latest;
  copyTime(kept.observeTime, observeTime);
  copyNumbers(kept, latest);
  return kept;
}

function copyNumbers(kept: WorkerMetrics, latest: WorkerMetrics): void {
  kept.sequence = latest.sequence;
  kept.cpuPercent = latest.cpuPercent;
  kept.load1m = latest.load1m;
  kept.load5m = latest.load5m;
  kept.load15m = latest.load15m;
  // What a machine has is the same each time.
  if (kept.memoryTotalBytes !== latest.memoryTotalBytes)
    kept.memoryTotalBytes = latest.memoryTotalBytes;
  kept.memoryAvailableBytes = latest.memoryAvailableBytes;
  if (kept.diskTotalBytes !== latest.diskTotalBytes) kept.diskTotalBytes = latest.diskTotalBytes;
  if (kept.diskAvailableBytes !== latest.diskAvailableBytes)
    kept.diskAvailableBytes = latest.diskAvailableBytes;
  kept.taskCount = latest.taskCount;
  kept.engineHealthy = latest.engineHealthy;
  kept.engineError = latest.engineError;
}
