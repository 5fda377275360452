import { create } from "@bufbuild/protobuf";
import { crashesOf, crashReport } from "../../core/crash-report.ts";
import { toMillis, toTimestamp } from "../../core/time.ts";
import {
  CrashEvidenceSchema,
  type CrashReport,
  GoodRunSchema,
} from "../../gen/berth/v1/crash_report_pb.ts";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";

const MIB = 2 ** 20;

/** What a manager has of the attempts of a fake task that failed: what ran left something behind. */
export function fakeReports(task: Task, attempt: number): CrashReport[] {
  return crashesOf(task)
    .filter(({ number }) => attempt === 0 || number === attempt)
    .map((known) => {
      const startTime = known.attempt.status?.startTime;
      const createMs = task.createTime ? toMillis(task.createTime) : 0;
      const goodRun = create(GoodRunSchema, {
        ...{ taskId: "t0", attempt: 1, workerId: "worker-2" },
        startTime: toTimestamp(createMs - 2 * HOUR_MS),
        finishTime: toTimestamp(createMs - HOUR_MS),
      });
      const better: Task = {
        ...task,
        id: "t0",
        ...(task.spec && { spec: { ...task.spec, image: "crash:1", env: { MODE: "a" } } }),
      };
      return crashReport(task, known, {
        testimony: startTime
          ? { kind: "evidence", evidence: evidenceOf(toMillis(startTime)) }
          : { kind: "none", note: "it never had a container" },
        comparison: startTime ? { kind: "run", goodRun, task: better } : { kind: "none" },
      });
    });
}

const HOUR_MS = 3_600_000;

const evidenceOf = (startMs: number) =>
  create(CrashEvidenceSchema, {
    lines: [
      { stream: LogStream.STDOUT, time: toTimestamp(startMs), text: "listening" },
      {
        stream: LogStream.STDERR,
        time: toTimestamp(startMs + 500),
        text: "panic: \u001b[31mno such table\u001b[39m: accounts, which was to be migrated before anything else reads it",
      },
    ],
    hasEarlierLines: true,
    usage: [
      { time: toTimestamp(startMs), memoryBytes: BigInt(12 * MIB), cpuPercent: 3 },
      { time: toTimestamp(startMs + 1_000), memoryBytes: BigInt(48 * MIB), cpuPercent: 97.5 },
    ],
  });
