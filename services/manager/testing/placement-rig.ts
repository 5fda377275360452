import type { ExplainTaskResponse } from "../../../gen/berth/v1/manager_service_pb.ts";
import type { TaskState } from "../../../gen/berth/v1/task_pb.ts";
import { WorkerAvailability, type WorkerPresence } from "../../../gen/berth/v1/worker_pb.ts";
import { createManualClock } from "../../../lib/manual-clock.ts";
import { aPresence, GIB } from "../../../test/builders.ts";
import { runSchedulerLoop } from "../scheduler-loop.ts";
import { createManagerRig } from "./manager-rig.ts";

/** A manager whose scheduler loop runs, and what it is asked and told about placement. */
export async function createPlacementRig(options: Parameters<typeof createManagerRig>[0] = {}) {
  const clock = createManualClock();
  const rig = await createManagerRig({ clock, ...options });
  const control = new AbortController();
  void runSchedulerLoop(rig, control.signal);
  const { client, ledger } = rig;
  return {
    ...rig,
    clock,
    async close() {
      control.abort();
      await rig.close();
    },
    submit: async (spec: object = {}) =>
      (await client.submitTask({ spec: { image: "busybox:1", ...spec } })).task?.id ?? "",
    isIn: (id: string, state: TaskState) => ledger.tasks.get(id)?.state === state,
    explain: (taskId: string, page: object = {}) => client.explainTask({ taskId, ...page }),
    join(workerId: string, changes: Partial<WorkerPresence> = {}) {
      rig.workers.setPresence(aPresence(workerId, changes));
      rig.workers.setLinked(workerId, true);
    },
    pause: (workerId: string) =>
      client.updateWorker({
        workerId,
        settings: { availability: WorkerAvailability.PAUSED, reason: "new disk" },
        updateMask: { paths: ["availability", "reason"] },
      }),
  };
}

export const memory = (gib: number) => ({ limit: { memoryBytes: BigInt(gib * GIB) } });

export const idsOf = ({ workers }: ExplainTaskResponse): readonly string[] =>
  workers.map(({ workerId }) => workerId);
