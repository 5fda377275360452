import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import { CrashReportSchema } from "../../gen/berth/v1/crash_report_pb.ts";
import { START_MS } from "../../test/builders.ts";
import { crashText } from "./crash-text.ts";

const MIB = 2 ** 20;

const plain = (text: string) => text;

const at = (seconds: number) => toTimestamp(START_MS + seconds * 1_000);

const linesOf = (init: MessageInitShape<typeof CrashReportSchema>, width = 80) =>
  crashText(
    create(CrashReportSchema, {
      ...{ taskId: "t1", attempt: 3, workerId: "w1", cause: "ended by itself with exit code 3" },
      ...init,
    }),
    {
      colors: { good: plain, moving: plain, bad: plain, quiet: plain },
      nowMs: START_MS + 60_000,
      width,
    },
  ).split("\n");

test("a report of which little is known says so", () => {
  expect(linesOf({ workerId: "", finishTime: at(0), evidenceNote: "it was never placed" })).toEqual(
    [
      "Crash report of attempt 3, 1m ago",
      "  Cause         ended by itself with exit code 3",
      "  No evidence   it was never placed",
      "  Changed       unknown: nothing of this name is known to have run well",
      "",
    ],
  );
});

test("what cannot be shown is told with the reason", () => {
  const evidence = { linesNote: "it wrote nothing", usageNote: "it never ran" };
  expect(linesOf({ finishTime: at(0), evidence }).slice(2, 5)).toEqual([
    "  Usage        unknown: it never ran",
    "  Changed      unknown: nothing of this name is known to have run well",
    "  Last lines   none: it wrote nothing",
  ]);
});

test("memory is drawn against its limit, CPU against a whole one", () => {
  const usage = [10, 40, 64].map((mib, i) => ({
    ...{ time: at(i), memoryBytes: BigInt(mib * MIB), cpuPercent: 50 * i },
  }));
  const drawn = linesOf({ finishTime: at(3), evidence: { usage }, memoryLimitBytes: 64n << 20n });
  expect(drawn.slice(2, 4)).toEqual([
    "  Memory       ▂▆█ at most 64 MiB, last 64 MiB, limit 64 MiB",
    "  CPU          ▁▅█ at most 100%, last 100%, in 2s",
  ]);
});

test("the good run may be the attempt itself, or one that still runs", () => {
  const run = { taskId: "t1", workerId: "w1", startTime: at(-7_200) };
  const itself = linesOf({ goodRun: { ...run, attempt: 3, finishTime: at(0) } });
  expect(itself.slice(2, 4)).toEqual([
    "  Ran well   this very attempt, for 2h before it ended",
    "  Changed    nothing that Berth knows of",
  ]);
  const other = linesOf({ goodRun: { ...run, taskId: "t0", attempt: 1 } });
  expect(other[2]).toBe("  Ran well   attempt 1 of task t0 on w1 for 2h, and still runs");
});

test("what does not fit into a line goes on in the next, and cannot drive the terminal", () => {
  const text = `\u001b[2J${"word ".repeat(30)}`;
  const lines = linesOf({ evidence: { lines: [{ stream: 20, text }], hasEarlierLines: true } }, 60);
  expect(lines.join("\n")).not.toContain("\u001b");
  expect(Math.max(...lines.slice(1).map((line) => line.length))).toBeLessThanOrEqual(60);
});

test("changes that do not fit are counted", () => {
  const changes = [{ path: "worker", before: "w2", after: "w1" }];
  const goodRun = { taskId: "t0", attempt: 1, workerId: "w2" };
  expect(linesOf({ goodRun, changes, changesLeftOut: 7 }).slice(3, 5)).toEqual([
    "  Changed    worker: w2 → w1",
    "             and 7 more",
  ]);
});
