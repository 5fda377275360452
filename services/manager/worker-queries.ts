import { create } from "@bufbuild/protobuf";
import { amountOf, NO_BOOKINGS, plus } from "../../core/placement/candidate.ts";
import { validateId } from "../../core/validate.ts";
import type { ListWorkersRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { type Worker, WorkerSchema } from "../../gen/berth/v1/worker_pb.ts";
import { invalidFields, notFound } from "../../lib/errors.ts";
import type { Ledger } from "./ledger.ts";
import { type Page, readPageRequest, takePage } from "./paging.ts";
import type { KnownWorker, WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{ ledger: Ledger; workers: WorkerTable }>;

/** What a worker takes in a message; generous. */
const WORKER_BYTES = 4_096;

export function getWorker(workerId: string, deps: Deps): Worker {
  const violations = validateId("worker_id", workerId);
  if (violations.length > 0) throw invalidFields(violations);
  const known = deps.workers.get(workerId);
  if (!known) throw notFound("worker", workerId);
  return workerOf(known, deps.ledger);
}

export function listWorkers(request: ListWorkersRequest, deps: Deps): Page<Worker> {
  const cursor = readPageRequest(request);
  const { entries, nextPageToken } = takePage(deps.workers.all(), cursor, {
    keyOf: ({ workerId }) => workerId,
    sizeOf: () => WORKER_BYTES,
  });
  return { entries: entries.map((known) => workerOf(known, deps.ledger)), nextPageToken };
}

function workerOf({ workerId, presence, linked }: KnownWorker, { tasks }: Ledger): Worker {
  let { reserved } = NO_BOOKINGS;
  for (const { spec } of tasks.placedOn(workerId))
    reserved = plus(reserved, amountOf(spec?.reservation));
  return create(WorkerSchema, {
    id: workerId,
    presence,
    linked,
    allocation: {
      taskCount: tasks.placedCount(workerId),
      reserved: {
        cpuMillis: BigInt(reserved.cpuMillis),
        memoryBytes: BigInt(reserved.memoryBytes),
        diskBytes: BigInt(reserved.diskBytes),
      },
    },
  });
}
