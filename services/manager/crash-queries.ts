import { crashesOf } from "../../core/crash-report.ts";
import type { CrashReport } from "../../gen/berth/v1/crash_report_pb.ts";
import type { ListCrashReportsRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { notFound } from "../../lib/errors.ts";
import type { Store } from "../../lib/store/store.ts";
import { ATTEMPT_KEY, attemptKey, readReports } from "./crash-log.ts";
import type { CrashReporter } from "./crash-reporter.ts";
import type { Ledger } from "./ledger.ts";
import { type Page, readPageRequest, takePage } from "./paging.ts";
import { findTask } from "./task-queries.ts";

type Deps = Readonly<{
  ledger: Pick<Ledger, "tasks" | "settled">;
  store: Pick<Store, "list">;
  reporter: Pick<CrashReporter, "report">;
}>;

/** Latest first: the key of a later attempt is the smaller one. */
const ATTEMPT_MAX = 0xffff_ffff;
const keyOf = ({ attempt }: CrashReport): string => attemptKey(ATTEMPT_MAX - attempt);

/** More than any report takes. */
const REPORT_BYTES = 16 * 1024;

/** What is kept of a task's crashes, and of those that it remembers and nobody has kept yet. */
export async function listCrashReports(
  request: ListCrashReportsRequest,
  { ledger, store, reporter }: Deps,
): Promise<Page<CrashReport>> {
  const cursor = readPageRequest(request, ATTEMPT_KEY);
  const { taskId, attempt } = request;
  const task = findTask(taskId, ledger);
  await ledger.settled();
  const kept = await readReports(store, taskId);
  const missing = crashesOf(task).filter(
    ({ number }) => !kept.some((report) => report.attempt === number),
  );
  const made = await Promise.all(missing.map((known) => reporter.report(task, known)));
  const all = [...kept, ...made.map(({ report }) => report)]
    .filter((report) => attempt === 0 || report.attempt === attempt)
    .toSorted((a, b) => b.attempt - a.attempt);
  if (attempt !== 0 && all.length === 0) throw notFound("report", `${taskId}/${attempt}`);
  return takePage(all, cursor, { keyOf, sizeOf: () => REPORT_BYTES });
}
