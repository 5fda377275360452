import type { LogEntry } from "../../gen/berth/v1/log_entry_pb.ts";
import type { StreamTaskLogsRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import type { Attempt } from "../../gen/berth/v1/task_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { fromWorker, type WorkerLines } from "./worker-lines.ts";

/** What of a log is wanted. */
export type LogChoice = Pick<StreamTaskLogsRequest, "follow" | "tail" | "since" | "streams">;

type Asked = Readonly<{ taskId: string; attempt: Attempt; choice: LogChoice; signal: AbortSignal }>;

/** What an attempt's container wrote, fetched from its worker. */
export async function* readAttempt(
  lines: WorkerLines,
  { taskId, attempt, choice, signal }: Asked,
): AsyncGenerator<LogEntry[], void, undefined> {
  const line = lines.borrow(attempt);
  const { follow, tail, since, streams } = choice;
  const selection = {
    ...{ taskId, attempt: attempt.number, follow, streams },
    ...(tail !== undefined && { tail }),
    ...(since && { since }),
  };
  try {
    const worker = createClient(WorkerService, line.channel);
    for await (const { entries } of worker.streamTaskLogs(selection, { signal })) yield entries;
  } catch (error) {
    throw fromWorker(error, line);
  } finally {
    line.giveBack();
  }
}
