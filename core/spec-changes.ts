import { create, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type CrashChange, CrashChangeSchema } from "../gen/berth/v1/crash_report_pb.ts";
import { type TaskSpec, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";

/** A value cut to what a person compares at a glance. */
const VALUE_CHARACTERS_MAX = 80;

/** The field whose values are nobody's business: they hold passwords. */
const ENV = "spec.env.";

/**
 * In which fields two specs differ, in the order of their paths. Of environment variables only that
 * they do, never what they are.
 */
export function specChanges(before: TaskSpec, after: TaskSpec): readonly CrashChange[] {
  const [was, is] = [flat(before), flat(after)];
  const paths = [...new Set([...was.keys(), ...is.keys()])].sort();
  return paths
    .filter((path) => was.get(path) !== is.get(path))
    .map((path) =>
      path.startsWith(ENV)
        ? changeOf(path, secret(was.get(path)), secret(is.get(path), was.has(path)))
        : changeOf(path, was.get(path), is.get(path)),
    );
}

const secret = (value: string | undefined, isChanged = false): string | undefined =>
  value === undefined ? undefined : isChanged ? "another value" : "a value";

/** A change of a field; undefined where it was, or is, not set. */
export const changeOf = (
  path: string,
  before: string | undefined,
  after: string | undefined,
): CrashChange => {
  const [was, is] = [before ?? "", after ?? ""];
  const at = firstDifference(was, is);
  return create(CrashChangeSchema, { path, before: cut(was, at), after: cut(is, at) });
};

function firstDifference(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  return at;
}

/** How much is shown of what is the same, before the difference. */
const SAME_CHARACTERS = 20;

/** A long text is cut so that where it differs is seen. */
function cut(text: string, at: number): string {
  if (text.length <= VALUE_CHARACTERS_MAX) return text;
  const first = Math.max(0, Math.min(at - SAME_CHARACTERS, text.length - VALUE_CHARACTERS_MAX + 1));
  const room = VALUE_CHARACTERS_MAX - (first > 0 ? 1 : 0);
  const rest = text.slice(first);
  const shown = rest.length <= room ? rest : `${rest.slice(0, room - 1)}…`;
  return first > 0 ? `…${shown}` : shown;
}

/** Every field that is set, by its path, as text; an empty one as `""`. Lists of words are one value: `["sh","-c"]`. */
function flat(spec: TaskSpec): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const json = toJson(TaskSpecSchema, spec, { useProtoFieldName: true });
  collect(json, "spec", found);
  // Tasks are compared because they have one name; that of a task without is its ID.
  found.delete("spec.name");
  return found;
}

function collect(json: JsonValue, path: string, found: Map<string, string>): void {
  if (typeof json !== "object" || json === null || isWords(json)) {
    found.set(path, typeof json === "string" && json !== "" ? json : JSON.stringify(json));
    return;
  }
  const at = (name: string) => (Array.isArray(json) ? `${path}[${name}]` : `${path}.${name}`);
  for (const [name, value] of Object.entries(json)) collect(value, at(name), found);
}

const isWords = (json: JsonValue): boolean =>
  Array.isArray(json) && json.every((each) => typeof each !== "object");
