import { createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { toTimestamp } from "../core/time.ts";
import { LogStream } from "../gen/berth/v1/log_entry_pb.ts";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { createClient } from "../lib/rpc/client.ts";
import { streamLogs } from "./stream-logs.ts";
import { createFakeTerminal } from "./testing/fake-terminal.ts";

const time = toTimestamp(Date.UTC(2026, 0, 1));
const entry = (stream: LogStream, text: string) => ({
  stream,
  time,
  data: new TextEncoder().encode(text),
});

async function print(entries: readonly ReturnType<typeof entry>[], timestamps: boolean) {
  const transport = createRouterTransport((router) =>
    router.service(ManagerService, {
      async *streamTaskLogs() {
        for (const each of entries) yield { entries: [each] };
      },
    }),
  );
  const terminal = createFakeTerminal({ env: {} });
  const { signal } = new AbortController();
  const manager = createClient(ManagerService, transport);
  await streamLogs(manager, { taskId: "t1" }, { terminal, signal, timestamps, prefix: false });
  return terminal.printed();
}

test("each stream goes to its own", async () => {
  const entries = [entry(LogStream.STDOUT, "data\n"), entry(LogStream.STDERR, "trouble\n")];
  expect(await print(entries, false)).toBe("data\n! trouble");
});

test("a line in parts has one time, at its beginning", async () => {
  const entries = [
    entry(LogStream.STDOUT, "a long "),
    entry(LogStream.STDERR, "between\n"),
    entry(LogStream.STDOUT, "line\n"),
    entry(LogStream.STDOUT, "next\n"),
  ];
  expect(await print(entries, true)).toBe(
    [
      "! 2026-01-01T00:00:00.000Z between",
      "2026-01-01T00:00:00.000Z a long line",
      "2026-01-01T00:00:00.000Z next",
    ].join("\n"),
  );
});
