import { create } from "@bufbuild/protobuf";
import type { Block } from "../../core/drain.ts";
import { liveOn } from "../../core/live-attempts.ts";
import { amountOf, NO_BOOKINGS, plus } from "../../core/placement/candidate.ts";
import { toTimestamp } from "../../core/time.ts";
import { validateId } from "../../core/validate.ts";
import { drainDeadlineMs, isDraining } from "../../core/worker-settings.ts";
import type { ListWorkersRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Worker, WorkerSchema } from "../../gen/berth/v1/worker_pb.ts";
import { invalidFields, notFound } from "../../lib/errors.ts";
import type { Ledger } from "./ledger.ts";
import { type Page, readPageRequest, takePage } from "./paging.ts";
import type { WorkerTable } from "./worker-table.ts";

/** What holds drains up, as the one who carries them out found last. */
export interface Drains {
  blocksOf(workerId: string): readonly Block[];
}

type Deps = Readonly<{ ledger: Ledger; workers: WorkerTable; drains: Drains }>;

/** What a worker takes in a message; generous. */
const WORKER_BYTES = 4_096;

export function getWorker(workerId: string, deps: Deps): Worker {
  const violations = validateId("worker_id", workerId);
  if (violations.length > 0) throw invalidFields(violations);
  const isKnown = deps.workers.get(workerId) || deps.ledger.workers.has(workerId);
  if (!isKnown) throw notFound("worker", workerId);
  return workerOf(workerId, deps);
}

export function listWorkers(request: ListWorkersRequest, deps: Deps): Page<Worker> {
  const cursor = readPageRequest(request);
  const { entries, nextPageToken } = takePage(knownIds(deps), cursor, {
    keyOf: (workerId) => workerId,
    sizeOf: () => WORKER_BYTES,
  });
  return { entries: entries.map((workerId) => workerOf(workerId, deps)), nextPageToken };
}

/** Workers that the registry told of, and those that it does not know yet but operators do. */
const knownIds = ({ ledger, workers }: Deps): readonly string[] =>
  [
    ...new Set([
      ...workers.all().map(({ workerId }) => workerId),
      ...ledger.workers.all().map(([workerId]) => workerId),
    ]),
  ].sort();

function workerOf(workerId: string, { ledger, workers, drains }: Deps): Worker {
  const known = workers.get(workerId);
  const record = ledger.workers.of(workerId);
  return create(WorkerSchema, {
    id: workerId,
    linked: known?.linked ?? false,
    allocation: allocationOf(workerId, ledger),
    settings: record.settings,
    ...(known && { presence: known.presence }),
    ...(isDraining(record) && { drain: drainOf(workerId, { ledger, drains }) }),
  });
}

function allocationOf(workerId: string, { tasks }: Ledger) {
  let { reserved } = NO_BOOKINGS;
  let taskCount = 0;
  for (const task of tasks.placedOn(workerId))
    for (const _ of liveOn(task, workerId)) {
      reserved = plus(reserved, amountOf(task.spec?.reservation));
      taskCount++;
    }
  const { cpuMillis, memoryBytes, diskBytes } = reserved;
  return {
    taskCount,
    reserved: {
      cpuMillis: BigInt(cpuMillis),
      memoryBytes: BigInt(memoryBytes),
      diskBytes: BigInt(diskBytes),
    },
  };
}

/** The most blocks that one answer names, as the contract says. */
const BLOCKS_MAX = 100;

function drainOf(workerId: string, { ledger, drains }: Omit<Deps, "workers">) {
  const deadlineMs = drainDeadlineMs(ledger.workers.of(workerId));
  return {
    remainingCount: allocationOf(workerId, ledger).taskCount,
    blocks: drains.blocksOf(workerId).slice(0, BLOCKS_MAX),
    ...(deadlineMs !== undefined && { deadlineTime: toTimestamp(deadlineMs) }),
  };
}
