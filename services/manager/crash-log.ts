import { type CrashReport, CrashReportSchema } from "../../gen/berth/v1/crash_report_pb.ts";
import { decodeMessage, encodeMessage } from "../../lib/message/codec.ts";
import type { Entry, Store, Write } from "../../lib/store/store.ts";
import { deleteKey, prefixes } from "./ledger-records.ts";

/** Reports that are kept of a task: as many as a task remembers attempts, the current one included. */
export const REPORTS_MAX = 6;

/** Where the reports of a task lie. */
export const crashPrefix = (taskId: string): string => `${prefixes.crash}${taskId}/`;

/** Attempts as keys: fixed width, so that the order of bytes is the order of numbers. */
export const attemptKey = (attempt: number): string => attempt.toString(16).padStart(8, "0");

export const ATTEMPT_KEY = /^[0-9a-f]{8}$/;

/** The reports that are kept of a task, latest first. */
export async function readReports(
  store: Pick<Store, "list">,
  taskId: string,
): Promise<readonly CrashReport[]> {
  const entries = await store.list(crashPrefix(taskId), { limit: 2 * REPORTS_MAX });
  return entries.map(readReport).reverse();
}

const readReport = ({ value }: Entry): CrashReport => decodeMessage(CrashReportSchema, value);

/** What keeps a report beside the others of its task, and lets the oldest go. */
export function keepReport(report: CrashReport, others: readonly CrashReport[]): readonly Write[] {
  const keyOf = ({ taskId, attempt }: CrashReport) => crashPrefix(taskId) + attemptKey(attempt);
  const older = others.filter(({ attempt }) => attempt !== report.attempt);
  return [
    { kind: "put", key: keyOf(report), value: encodeMessage(CrashReportSchema, report) },
    ...older.slice(REPORTS_MAX - 1).map((each) => deleteKey(keyOf(each))),
  ];
}
