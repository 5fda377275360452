import type { JsonValue } from "@bufbuild/protobuf";
import { FieldOrigin, type FieldReport } from "../../gen/berth/v1/field_report_pb.ts";
import { type Task, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { camelCase, stepsOf } from "../field-path.ts";
import { jsonOf } from "./document.ts";
import { oneLine } from "./format.ts";
import { formatWrapped } from "./wrap.ts";

/** Who decides, in a word. */
const DECIDERS: Readonly<Record<FieldOrigin, string>> = {
  [FieldOrigin.UNSPECIFIED]: "unknown",
  [FieldOrigin.REQUEST]: "you",
  [FieldOrigin.MANAGER]: "manager",
  [FieldOrigin.IMAGE]: "image",
  [FieldOrigin.WORKER]: "worker",
  [FieldOrigin.NONE]: "nobody",
};

/** Longer values say enough by how they begin. */
const VALUE_CHARS_MAX = 60;

/** What was taken for each field of a task's spec, as a table. */
export function fieldReportText({ fields }: FieldReport, { spec }: Task, width: number): string {
  const json = spec ? jsonOf(TaskSpecSchema, spec) : {};
  const rows = fields.map(({ path, origin, meaning }) => {
    const field = path.replace(/^spec\./, "");
    const isTaken = origin === FieldOrigin.REQUEST || origin === FieldOrigin.MANAGER;
    const value = isTaken ? valueAt(json, field) : "";
    const words = value === "" || meaning === "" ? value || meaning : `${value} (${meaning})`;
    return [field, DECIDERS[origin] ?? "unknown", value === meaning ? value : words];
  });
  const columns = [{ title: "FIELD" }, { title: "DECIDES" }, { title: "VALUE" }];
  return formatWrapped(columns, rows, { headers: true, width });
}

/** Of environment variables the names: their values may be secret. */
function valueAt(spec: JsonValue, field: string): string {
  const value = stepsOf(field).reduce<unknown>(
    (part, step) =>
      (part as Readonly<Record<string, unknown>> | undefined)?.[
        typeof step === "number" ? step : camelCase(step)
      ],
    spec,
  );
  if (value === undefined) return "";
  if (field === "env") return Object.keys(value as object).join(", ");
  const text = oneLine(typeof value === "string" ? value : JSON.stringify(value));
  return text.length <= VALUE_CHARS_MAX ? text : `${text.slice(0, VALUE_CHARS_MAX - 1)}…`;
}
