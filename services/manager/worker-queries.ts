import { create } from "@bufbuild/protobuf";
import { assignedOf, customNeedsOf, toCustom } from "../../core/custom-resources.ts";
import type { Block } from "../../core/drain.ts";
import { liveOn } from "../../core/live-attempts.ts";
import { type Amount, amountOf, NO_BOOKINGS, plus } from "../../core/placement/candidate.ts";
import { hold } from "../../core/placement/custom.ts";
import { toTimestamp } from "../../core/time.ts";
import { validateId } from "../../core/validate.ts";
import { drainDeadlineMs, isDraining, offeredOf } from "../../core/worker-settings.ts";
import type { ListWorkersRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Worker, WorkerSchema } from "../../gen/berth/v1/worker_pb.ts";
import { invalidFields, notFound } from "../../lib/errors.ts";
import type { LedgerView } from "./ledger.ts";
import { workerBytes } from "./message-size.ts";
import { type Page, readPageRequest, takePage } from "./paging.ts";
import type { KnownWorker, WorkerTable } from "./worker-table.ts";

/** What holds drains up, as the one who carries them out found last. */
export interface Drains {
  blocksOf(workerId: string): readonly Block[];
}

type Deps = Readonly<{ ledger: LedgerView; workers: WorkerTable; drains: Drains }>;

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
    sizeOf: (workerId) => workerBytes(deps.workers.get(workerId)?.presence.description?.capacity),
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
    ...(known && { presence: known.presence, ...offerOf(known) }),
    ...(isDraining(record) && { drain: drainOf(workerId, { ledger, drains }) }),
  });
}

/** What placement counts with, as soon as the worker has said what it has. */
function offerOf({ presence, record }: KnownWorker) {
  const capacity = presence.description?.capacity;
  if (!capacity) return {};
  const offered = offeredOf(amountOf(capacity), record.settings);
  return { offered: { ...toResources(offered), custom: capacity.custom } };
}

function allocationOf(workerId: string, { tasks }: LedgerView) {
  let { reserved, customReserved } = NO_BOOKINGS;
  let taskCount = 0;
  for (const task of tasks.placedOn(workerId))
    for (const { attempt } of liveOn(task, workerId)) {
      const reservation = task.spec?.reservation;
      const needs = customNeedsOf(reservation);
      reserved = plus(reserved, amountOf(reservation));
      if (needs)
        customReserved = hold(customReserved, { needs, assigned: assignedOf(attempt.placement) });
      taskCount++;
    }
  return { taskCount, reserved: { ...toResources(reserved), custom: toCustom(customReserved) } };
}

const toResources = ({ cpuMillis, memoryBytes, diskBytes }: Amount) => ({
  cpuMillis: BigInt(cpuMillis),
  memoryBytes: BigInt(memoryBytes),
  diskBytes: BigInt(diskBytes),
});

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
