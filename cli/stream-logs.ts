import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StreamTaskLogsRequestSchema } from "../gen/berth/v1/manager_service_pb.ts";
import type { Manager } from "./context.ts";
import { createLogPrinter, type LogStyle } from "./log-printer.ts";
import type { Terminal } from "./terminal.ts";

type Options = LogStyle & Readonly<{ terminal: Terminal; signal: AbortSignal }>;

/** Prints what tasks' containers write, until they have ended or `signal` aborts. */
export async function streamLogs(
  manager: Manager,
  request: MessageInitShape<typeof StreamTaskLogsRequestSchema>,
  { terminal, signal, ...style }: Options,
): Promise<void> {
  const print = createLogPrinter(terminal, style);
  for await (const answer of manager.streamTaskLogs(request, { signal })) {
    print(answer);
    await terminal.stdout.drained();
    await terminal.stderr.drained();
  }
}
