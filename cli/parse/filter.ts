import { stateName } from "../../core/task-state.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { malformed, type Parsed, parsed } from "./parsed.ts";

/** What `--filter` selects. A task must match all of it; of several states any. */
export type TaskSelection = Readonly<{
  states: readonly TaskState[];
  workerId?: string;
  name?: string;
  labels: Readonly<Record<string, string>>;
}>;

const STATES: ReadonlyMap<string, TaskState> = new Map(
  Object.values(TaskState)
    .filter((state) => typeof state === "number")
    .filter((state) => state !== TaskState.UNSPECIFIED)
    .map((state) => [stateName(state), state]),
);
const RULE = "must be state=STATE, worker=ID, name=NAME or label=KEY=VALUE";

/** Reads what the uses of `--filter` say together. */
export function parseFilters(texts: readonly string[]): Parsed<TaskSelection> {
  let selection: TaskSelection = { states: [], labels: {} };
  for (const text of texts) {
    const next = narrow(selection, text);
    if (next.kind === "malformed") return next;
    selection = next.value;
  }
  return parsed(selection);
}

function narrow(selection: TaskSelection, text: string): Parsed<TaskSelection> {
  const [, kind, value = ""] = /^(state|worker|name|label)=(.+)$/s.exec(text) ?? [];
  switch (kind) {
    case "state":
      return addState(selection, value);
    case "worker":
      return selection.workerId === undefined
        ? parsed({ ...selection, workerId: value })
        : malformed(text, "a task has one worker: give worker= once");
    case "name":
      return selection.name === undefined
        ? parsed({ ...selection, name: value })
        : malformed(text, "a task has one name: give name= once");
    case "label":
      return addLabel(selection, value);
    default:
      return malformed(text, RULE);
  }
}

function addState(selection: TaskSelection, word: string): Parsed<TaskSelection> {
  const state = STATES.get(word.toLowerCase());
  return state === undefined
    ? malformed(`state=${word}`, `must be state= and one of ${[...STATES.keys()].join(", ")}`)
    : parsed({ ...selection, states: [...selection.states, state] });
}

function addLabel(selection: TaskSelection, pair: string): Parsed<TaskSelection> {
  const at = pair.indexOf("=");
  return at < 1
    ? malformed(`label=${pair}`, "must be label=KEY=VALUE: the manager matches whole labels")
    : parsed({
        ...selection,
        labels: { ...selection.labels, [pair.slice(0, at)]: pair.slice(at + 1) },
      });
}
