import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { LogStream } from "../gen/berth/v1/log_entry_pb.ts";
import { StreamTaskLogsResponseSchema } from "../gen/berth/v1/manager_service_pb.ts";
import { createLogPrinter } from "./log-printer.ts";
import { createFakeTerminal } from "./testing/fake-terminal.ts";

const says = (taskId: string, text: string, stream = LogStream.STDOUT) =>
  create(StreamTaskLogsResponseSchema, {
    ...{ taskId, taskName: taskId === "t1" ? "web" : "", attempt: 1 },
    entries: [{ stream, data: Buffer.from(text) }],
  });

function printed(screen: { columns?: number }, env = {}, ...answers: ReturnType<typeof says>[]) {
  const terminal = createFakeTerminal({ env, ...screen });
  const print = createLogPrinter(terminal, { timestamps: false, prefix: true });
  answers.forEach(print);
  return terminal.printed();
}

test("lines begin with their task, one under the other", () => {
  const lines = [says("t1", "one\n"), says("t-second", "two\n"), says("t1", "three\n")];
  expect(printed({}, {}, ...lines)).toBe("web t1 | one\nt-second | two\nweb t1   | three");
});

test("a line that is not complete is ended before another task's, and its rest has a title", () => {
  const lines = [says("t1", "begin"), says("t1", " more"), says("t2", "two\n"), says("t1", "!\n")];
  expect(printed({}, {}, ...lines)).toBe("web t1 | begin more\nt2     | two\nweb t1 | !");
});

test("on a screen a stream's line is ended before the other's", () => {
  const lines = [says("t1", "out"), says("t1", "err\n", LogStream.STDERR), says("t1", "put\n")];
  const screen = printed({ columns: 80 }, { NO_COLOR: "1" }, ...lines);
  expect(screen).toBe("!\n! web t1 | err\nweb t1 | outweb t1 | put");
});

test("tasks have colours of their own, unless nobody wants them", () => {
  const lines = [says("t1", "one\n"), says("t2", "two\n")];
  const coloured = printed({ columns: 80 }, {}, ...lines);
  expect(coloured).toBe("\u001b[36mweb t1 | \u001b[39mone\n\u001b[33mt2     | \u001b[39mtwo");
  expect(printed({ columns: 80 }, { NO_COLOR: "1" }, ...lines)).not.toContain("\u001b");
});

test("a task that cannot be read is told of on stderr", () => {
  const warning = { reason: "X", message: "worker w1 cannot be reached", isRetried: true };
  const answer = create(StreamTaskLogsResponseSchema, { taskId: "t1", taskName: "web", warning });
  expect(printed({}, {}, answer)).toBe(
    "! warning: web (t1): worker w1 cannot be reached; trying again",
  );
});
