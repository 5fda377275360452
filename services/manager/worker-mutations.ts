import { toJson } from "@bufbuild/protobuf";
import { checkLabels } from "../../core/validate-labels.ts";
import { readUpdate } from "../../core/validate-worker-update.ts";
import { updateRecord } from "../../core/worker-settings.ts";
import {
  type UpdateWorkerRequest,
  UpdateWorkerRequestSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { invalidFields, notFound } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { recordOf, repeated, requestFrom } from "./idempotency.ts";
import type { Ledger, LedgerView } from "./ledger.ts";
import type { WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{ ledger: Ledger; workers: WorkerTable; clock: Clock; log: Log }>;

/** Changes what operators decided about a worker. Resolves once that is durable. */
export async function updateWorker(request: UpdateWorkerRequest, deps: Deps): Promise<void> {
  const { ledger, workers, clock, log } = deps;
  const reading = readUpdate(request);
  if (reading.kind === "refused") throw invalidFields(reading.violations);
  const { workerId } = request;
  const asked = requestFrom(request.requestId, () => inputOf(request));
  if (repeated(asked, ledger) !== undefined) return ledger.settled();
  if (!workers.get(workerId) && !ledger.workers.has(workerId)) throw notFound("worker", workerId);

  const { given, paths } = reading;
  const record = updateRecord(ledger.workers.of(workerId), { given, paths, now: clock.now() });
  const violations = [...checkLabels("settings.labels", record.settings.labels)];
  if (violations.length > 0) throw invalidFields(violations);
  await ledger.commitWorker(workerId, record, recordOf(asked, workerId, clock));
  const { availability, reason } = record.settings;
  log.info({ workerId, availability, reason }, "worker settings changed");
}

/** Paths as they are: the JSON form of a mask cannot carry every key of a label. */
const inputOf = (request: UpdateWorkerRequest) => [
  UpdateWorkerRequestSchema.typeName,
  toJson(UpdateWorkerRequestSchema, { ...request, updateMask: undefined }),
  request.updateMask?.paths ?? [],
];

/** Keeps the table of workers as the ledger has it. */
export function followRecords(
  { workers: records }: Pick<LedgerView, "workers">,
  workers: WorkerTable,
): void {
  for (const [workerId, record] of records.all()) workers.setRecord(workerId, record);
  records.subscribe(workers.setRecord);
}
