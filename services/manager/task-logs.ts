import { create } from "@bufbuild/protobuf";
import { validateId } from "../../core/validate.ts";
import {
  type StreamTaskLogsRequest,
  type StreamTaskLogsResponse,
  StreamTaskLogsResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { Attempt, Task } from "../../gen/berth/v1/task_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { invalidFields, notFound, unavailable, wrongState } from "../../lib/errors.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import type { LedgerView } from "./ledger.ts";
import type { WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{
  ledger: LedgerView;
  workers: WorkerTable;
  connect: (address: string) => Channel;
}>;

/** What a task's container wrote, fetched from its worker over a connection of its own. */
export async function* streamTaskLogs(
  request: StreamTaskLogsRequest,
  { ledger, workers, connect }: Deps,
  signal: AbortSignal,
): AsyncGenerator<StreamTaskLogsResponse> {
  const { taskId, follow, tail, since, streams } = request;
  const violations = validateId("task_id", taskId);
  if (violations.length > 0) throw invalidFields(violations);
  const attempt = findAttempt(request, ledger.tasks.get(taskId));
  const channel = connect(addressOf(attempt, workers));
  const selection = {
    taskId,
    attempt: attempt.number,
    follow,
    streams,
    ...(tail !== undefined && { tail }),
    ...(since && { since }),
  };
  try {
    const client = createClient(WorkerService, channel);
    for await (const { entries } of client.streamTaskLogs(selection, { signal }))
      yield create(StreamTaskLogsResponseSchema, { entries });
  } finally {
    channel.close();
  }
}

function findAttempt(
  { taskId, attempt: wanted }: StreamTaskLogsRequest,
  task: Task | undefined,
): Attempt {
  if (!task?.attempt) throw notFound("task", taskId);
  const attempts = [task.attempt, ...task.pastAttempts];
  const attempt = wanted === 0 ? task.attempt : attempts.find(({ number }) => number === wanted);
  if (!attempt) throw notFound("attempt", `${wanted} of task ${taskId}`);
  if (!attempt.placement) {
    const why = task.waitingReason || "it was stopped before it was placed";
    throw wrongState("NO_CONTAINER", `task ${taskId} has no container yet: ${why}`);
  }
  return attempt;
}

function addressOf({ placement }: Attempt, workers: WorkerTable): string {
  const workerId = placement?.workerId ?? "";
  const address = workers.get(workerId)?.presence.description?.address;
  if (address) return address;
  throw unavailable(
    "WORKER_UNKNOWN",
    `worker ${workerId} has not joined since the manager started`,
    {
      retryMs: 1_000,
    },
  );
}
