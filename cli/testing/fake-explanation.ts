import { create } from "@bufbuild/protobuf";
import { liveOn } from "../../core/live-attempts.ts";
import { demandOf } from "../../core/placement/demand.ts";
import { createPlacer } from "../../core/placement/place.ts";
import { withDefaults } from "../../core/task-spec.ts";
import type {
  ExplainTaskRequest,
  ExplainTaskResponse,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import type { Worker } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { factsOf } from "../../services/manager/candidates.ts";
import { explainTask } from "../../services/manager/explain-task.ts";
import { createWorkerTable, type WorkerTable } from "../../services/manager/worker-table.ts";
import type { FakeLedger } from "./fake-ledger.ts";

/** What a fake manager answers from. */
export type FakeScene = Readonly<{ ledger: FakeLedger; workers: readonly Worker[]; clock: Clock }>;

/** The manager's own explanation, of fake tasks on fake workers. */
export function explainFake(
  request: ExplainTaskRequest,
  { ledger, workers, clock }: FakeScene,
): Promise<ExplainTaskResponse> {
  const table = tableOf(workers);
  const tasks = [...ledger.tasks.values()].map(complete);
  return explainTask(request, {
    ledger: {
      revision: () => BigInt(ledger.changes.length),
      settled: () => Promise.resolve(),
      tasks: {
        get: (taskId) => tasks.find(({ id }) => id === taskId),
        placedOn: (workerId) =>
          tasks.filter((task) => liveOn(task, workerId).length > 0).values() as never,
      },
    },
    workers: table,
    // What fake tasks reserve is not counted: each fits beside what the workers say is reserved.
    board: { placer: placerOf(workers, table), bookings: { of: () => [] } },
    clock,
  });
}

/** Fake tasks lack the defaults that a manager fills in. */
export const complete = (task: Task): Task =>
  task.spec ? { ...task, spec: withDefaults(task.spec, { taskId: task.id }) } : task;

export function tableOf(workers: readonly Worker[]): WorkerTable {
  const table = createWorkerTable();
  for (const { id, presence, linked, settings } of workers) {
    if (presence) table.setPresence(presence);
    table.setLinked(id, linked);
    if (settings) table.setRecord(id, { settings, drainStartMs: 0 });
  }
  return table;
}

export function placerOf(workers: readonly Worker[], table: WorkerTable) {
  const placer = createPlacer();
  for (const worker of table.all()) placer.observe(factsOf(worker, worker.presence.metrics));
  for (const { id, allocation } of workers) {
    const spec = create(
      TaskSpecSchema,
      allocation?.reserved && { reservation: allocation.reserved },
    );
    placer.book(id, demandOf(spec));
  }
  return placer;
}
