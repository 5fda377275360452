import type { MessageInitShape } from "@bufbuild/protobuf";
import { type LogEntry, LogStream } from "../gen/berth/v1/log_entry_pb.ts";
import type { StreamTaskLogsRequestSchema } from "../gen/berth/v1/manager_service_pb.ts";
import type { Manager } from "./context.ts";
import { formatTime } from "./output/format.ts";
import type { Terminal } from "./terminal.ts";

type Options = Readonly<{ terminal: Terminal; signal: AbortSignal; timestamps: boolean }>;

const NEWLINE = "\n".charCodeAt(0);

/** Prints what a task's container writes, each of its streams to the same one of ours, byte for byte. */
export async function streamLogs(
  manager: Manager,
  request: MessageInitShape<typeof StreamTaskLogsRequestSchema>,
  { terminal, signal, timestamps }: Options,
): Promise<void> {
  const midLine = new Set<LogStream>();
  function print(entry: LogEntry): void {
    const output = entry.stream === LogStream.STDERR ? terminal.stderr : terminal.stdout;
    if (timestamps && !midLine.has(entry.stream)) output.write(`${formatTime(entry.time)} `);
    output.write(entry.data);
    if (entry.data.at(-1) === NEWLINE) midLine.delete(entry.stream);
    else midLine.add(entry.stream);
  }
  for await (const { entries } of manager.streamTaskLogs(request, { signal })) {
    entries.forEach(print);
    await terminal.stdout.drained();
    await terminal.stderr.drained();
  }
}
