import { create } from "@bufbuild/protobuf";
import { amountOf } from "../../core/placement/candidate.ts";
import { toTimestamp } from "../../core/time.ts";
import { readUpdate } from "../../core/validate-worker-update.ts";
import {
  DEFAULT_RECORD,
  drainDeadlineMs,
  isDraining,
  offeredOf,
  updateRecord,
} from "../../core/worker-settings.ts";
import type { UpdateWorkerRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { ResourcesSchema } from "../../gen/berth/v1/resources_pb.ts";
import { DrainSchema, type Worker, type WorkerSettings } from "../../gen/berth/v1/worker_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { invalidFields, notFound } from "../../lib/errors.ts";

function offerOf({ presence }: Worker, settings: WorkerSettings): Pick<Worker, "offered"> {
  if (!presence?.description) return {};
  const { cpuMillis, memoryBytes } = offeredOf(amountOf(presence?.description?.capacity), settings);
  const amount = { cpuMillis: BigInt(cpuMillis), memoryBytes: BigInt(memoryBytes) };
  return { offered: create(ResourcesSchema, amount) };
}

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
    const after = {
      ...worker,
      ...offerOf(worker, record.settings),
      settings: record.settings,
      ...(isDraining(record) && { drain }),
    };
    byId.set(worker.id, after);
    return after;
  }

  return { find, update, all: () => [...byId.values()] };
}
