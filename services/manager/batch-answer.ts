import { create } from "@bufbuild/protobuf";
import type { FieldReport } from "../../gen/berth/v1/field_report_pb.ts";
import {
  type SubmitTasksResponse,
  SubmitTasksResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { toStatus } from "../../lib/status.ts";
import type { Submitted } from "./task-mutations.ts";

type Outcome =
  | Readonly<{ outcome: { case: "task"; value: Task } }>
  | Readonly<{ outcome: { case: "error"; value: ReturnType<typeof toStatus> } }>;

/** What became of one entry of a batch. */
export const outcomeOf = <T>(
  result: PromiseSettledResult<T>,
  taskOf: (value: T) => Task,
): Outcome =>
  result.status === "fulfilled"
    ? { outcome: { case: "task", value: taskOf(result.value) } }
    : { outcome: { case: "error", value: toStatus(result.reason) } };

/** What became of tasks that were submitted together. Equal reports are told once. */
export function submittedTogether(
  results: readonly PromiseSettledResult<Submitted>[],
): SubmitTasksResponse {
  const reports = createReportList();
  return create(SubmitTasksResponseSchema, {
    results: results.map((result) => {
      const report = result.status === "fulfilled" ? result.value.fieldReport : undefined;
      const outcome = outcomeOf(result, ({ task }) => task);
      return report ? { ...outcome, fieldReport: reports.indexOf(report) } : outcome;
    }),
    fieldReports: reports.all,
  });
}

/** Replicas share one object; specs that only differ in their values have equal reports. */
function createReportList() {
  const all: FieldReport[] = [];
  const indexes = new Map<FieldReport | string, number>();
  return {
    all,
    indexOf(report: FieldReport): number {
      const known = indexes.get(report);
      if (known !== undefined) return known;
      const key = keyOf(report);
      const index = indexes.get(key) ?? all.push(report) - 1;
      indexes.set(report, index).set(key, index);
      return index;
    },
  };
}

const keyOf = ({ fields }: FieldReport): string =>
  fields.map(({ path, origin }) => `${path} ${origin}`).join("\n");
