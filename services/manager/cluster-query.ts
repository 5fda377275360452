import { create } from "@bufbuild/protobuf";
import { SCHEDULER_NAMES } from "../../core/placement/schedulers.ts";
import { toTimestamp } from "../../core/time.ts";
import { type Cluster, ClusterSchema } from "../../gen/berth/v1/cluster_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { isReady } from "./candidates.ts";
import type { LedgerView } from "./ledger.ts";
import type { WorkerTable } from "./worker-table.ts";

/** What is the same for as long as a manager runs. */
export type ClusterFacts = Readonly<{
  version: string;
  startMs: number;
  defaultScheduler: string;
  /** Which of several managers leads, for all that is known; empty otherwise. */
  leader: () => string;
}>;

type Deps = Readonly<{
  ledger: LedgerView;
  workers: WorkerTable;
  facts: ClusterFacts;
  clock: Clock;
}>;

export function getCluster({ ledger, workers, facts, clock }: Deps): Cluster {
  const counts = ledger.tasks.countByState();
  const all = workers.all();
  return create(ClusterSchema, {
    id: ledger.clusterId,
    epoch: ledger.epoch,
    revision: ledger.revision(),
    version: facts.version,
    startTime: toTimestamp(facts.startMs),
    defaultScheduler: facts.defaultScheduler,
    schedulers: [...SCHEDULER_NAMES],
    readyWorkerCount: all.filter(isReady).length,
    workerCount: all.length,
    leader: facts.leader(),
    brakeReason: workers.brakeReason(),
    observeTime: toTimestamp(clock.now()),
    taskCounts: [...counts].sort(([a], [b]) => a - b).map(([state, count]) => ({ state, count })),
  });
}
