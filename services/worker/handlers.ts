import type { ServiceImpl } from "@connectrpc/connect";
import type { CustomCapacity } from "../../core/custom-resources.ts";
import type { WorkerMetrics } from "../../gen/berth/v1/worker_pb.ts";
import type { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { createEvidence } from "./crash-evidence.ts";
import { checkFenceFields, refuse } from "./handlers-checks.ts";
import { createExecHandler } from "./handlers-exec.ts";
import { createFilesHandler } from "./handlers-files.ts";
import { listPage } from "./handlers-list.ts";
import { createLogStreamer } from "./handlers-logs.ts";
import { answerPushes, createPushes } from "./handlers-push.ts";
import { createStatsStreamer } from "./handlers-stats.ts";
import type { Fence, Identity } from "./identity.ts";
import type { ManagerTouch } from "./manager-touch.ts";
import type { ReportFeed } from "./reports-feed.ts";
import type { Runtime } from "./runtime.ts";
import type { Supervisor } from "./supervisor.ts";
import type { UsageRings } from "./usage-rings.ts";
import type { UsageSampler } from "./usage-sampler.ts";
import type { Watchers } from "./watchers.ts";

export type HandlerDeps = Readonly<{
  identity: Pick<Identity, "admit" | "workerId">;
  supervisor: Supervisor;
  watchers: Watchers;
  touch: Pick<ManagerTouch, "note" | "watch">;
  feed: ReportFeed;
  runtime: Pick<Runtime, "logs" | "inspect" | "exec" | "files">;
  clock: Clock;
  measure: () => Promise<WorkerMetrics>;
  sampler: UsageSampler;
  rings: Pick<UsageRings, "of">;
}>;

export type HandlerOptions = Readonly<{
  /** Whether containers may share the machine's network. */
  allowHostNetwork: boolean;
  /** What the worker offers beside CPU, memory and disk. */
  offers?: CustomCapacity | undefined;
}>;

/** What managers drive, as the contract in `worker_service.proto` has it. */
export function createHandlers(
  deps: HandlerDeps,
  { allowHostNetwork, offers }: HandlerOptions,
): ServiceImpl<typeof WorkerService> {
  const { identity, supervisor, watchers, touch, measure } = deps;
  const streamTaskLogs = createLogStreamer(deps);
  const execTask = createExecHandler(deps);
  const evidenceOf = createEvidence(deps);
  const copyTaskFiles = createFilesHandler(deps);
  const streamTaskStats = createStatsStreamer({ ...deps, workerId: identity.workerId });
  const pushes = createPushes({ supervisor, admit, allowHostNetwork, offers });

  async function admit({ clusterId, epoch }: Fence): Promise<void> {
    await identity.admit({ clusterId, epoch });
    touch.note();
    watchers.endBefore(epoch);
  }

  return {
    async startTask(request) {
      await pushes.start.one(request);
      return {};
    },
    startTasks: async ({ requests }) => ({
      results: await pushes.start.many(requests),
    }),
    async stopTask(request) {
      await pushes.stop.one(request);
      return {};
    },
    stopTasks: async ({ requests }) => ({
      results: await pushes.stop.many(requests),
    }),
    async forgetTask(request) {
      await pushes.forget.one(request);
      return {};
    },
    forgetTasks: async ({ requests }) => ({
      results: await pushes.forget.many(requests),
    }),
    pushTasks: (messages) => answerPushes(messages, pushes),
    listTasks: (request) => listPage(supervisor.list(), request),
    async *watchTasks(request, { signal }) {
      refuse(checkFenceFields(request));
      await admit(request);
      const leave = touch.watch();
      try {
        await supervisor.adopted();
        yield* watchers.open(request.epoch, signal);
      } finally {
        leave();
      }
    },
    getStats: async () => ({ metrics: await measure() }),
    streamTaskLogs: (request, { signal }) => streamTaskLogs(request, signal),
    getCrashEvidence: async (request, { signal }) => ({
      evidence: await evidenceOf(request, signal),
    }),
    execTask: (words, { signal }) => execTask(words, signal),
    copyTaskFiles: (words, { signal }) => copyTaskFiles(words, signal),
    streamTaskStats: (request, { signal }) => streamTaskStats(request, signal),
  };
}
