import { create } from "@bufbuild/protobuf";
import { toTimestamp } from "../../core/time.ts";
import { readUpdate } from "../../core/validate-worker-update.ts";
import {
  DEFAULT_RECORD,
  drainDeadlineMs,
  isDraining,
  updateRecord,
} from "../../core/worker-settings.ts";
import type { UpdateWorkerRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { DrainSchema, type Worker } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { invalidFields, notFound } from "../../lib/errors.ts";

/** Workers whose settings can be changed. One that drains without a time limit is empty at once. */
export function createFakeFleet(workers: readonly Worker[], clock: Clock) {
  const byId = new Map(workers.map((worker) => [worker.id, worker]));
  const records = new Map(workers.map(({ id }) => [id, DEFAULT_RECORD]));

  function find(workerId: string): Worker {
    const worker = byId.get(workerId);
    if (!worker) throw notFound("worker", workerId);
    return worker;
  }

  function update(request: UpdateWorkerRequest): Worker {
    const reading = readUpdate(request);
    if (reading.kind === "refused") throw invalidFields(reading.violations);
    const { drain: _, ...worker } = find(request.workerId);
    const before = records.get(worker.id) ?? DEFAULT_RECORD;
    const record = updateRecord(before, { ...reading, now: clock.now() });
    records.set(worker.id, record);
    const deadlineMs = drainDeadlineMs(record);
    const blocks = [{ taskId: "t9", reason: "ends by itself" }];
    const drain =
      deadlineMs === undefined
        ? create(DrainSchema)
        : create(DrainSchema, { remainingCount: 1, deadlineTime: toTimestamp(deadlineMs), blocks });
    const after = { ...worker, settings: record.settings, ...(isDraining(record) && { drain }) };
    byId.set(worker.id, after);
    return after;
  }

  return { find, update, all: () => [...byId.values()] };
}
