import { Code, ConnectError } from "@connectrpc/connect";
import { isTerminal, stateName } from "../core/task-state.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import { CommandError } from "./command-error.ts";
import type { Manager } from "./context.ts";
import { listTasks } from "./list-all.ts";
import { nameOf } from "./output/task-text.ts";
import type { At } from "./past.ts";

/** Whether a text can be an ID at all: the manager refuses to look others up. */
const ID = /^[a-z0-9-]{1,64}$/;
/** The most candidates that an error lists. */
const CANDIDATES_MAX = 10;

type Call = Readonly<{ signal: AbortSignal }>;

/**
 * The task that a user means: by its ID, else by its name, else by the beginning
 * of its ID. Of several tasks with one name it is the one that has not ended.
 * Throws a `CommandError` when there is none or more than one, and lists them.
 */
export const findTask = (manager: Manager, reference: string, call: Call): Promise<Task> =>
  findTaskAt(manager, { reference }, call);

type Reference = Readonly<{ reference: string }> & At;

/** The same among the tasks that there were at a moment of the past, if one is given. */
export async function findTaskAt(
  manager: Manager,
  { reference, ...at }: Reference,
  call: Call,
): Promise<Task> {
  const exact = ID.test(reference)
    ? await getTask(manager, { taskId: reference, ...at }, call)
    : undefined;
  if (exact) return exact;
  const { tasks } = await listTasks(manager, { filter: {}, ...at }, call);
  const [found, ...others] = candidates(tasks, reference);
  if (found && others.length === 0) return found;
  throw found ? ambiguous(reference, [found, ...others]) : missing(reference);
}

async function getTask(
  manager: Manager,
  asked: Readonly<{ taskId: string }> & At,
  call: Call,
): Promise<Task | undefined> {
  try {
    return (await manager.getTask(asked, call)).task;
  } catch (error) {
    if (ConnectError.from(error).code === Code.NotFound) return undefined;
    throw error;
  }
}

/** The tasks that a reference may mean, by the first rule under which there are any. */
export function candidates(tasks: readonly Task[], reference: string): readonly Task[] {
  const named = tasks.filter((task) => nameOf(task) === reference);
  const alive = named.filter(({ state }) => !isTerminal(state));
  if (named.length > 0) return alive.length > 0 ? alive : named;
  return reference === "" ? [] : tasks.filter(({ id }) => id.startsWith(reference));
}

const missing = (reference: string) =>
  new CommandError(`no task has the ID or name ${JSON.stringify(reference)}`, {
    remedies: ["list tasks, ended ones included, with: berth ps -a"],
  });

function ambiguous(reference: string, found: readonly Task[]): CommandError {
  const listed = found
    .slice(0, CANDIDATES_MAX)
    .map((task) => `  ${task.id}  ${nameOf(task)}, ${stateName(task.state)}`);
  const rest = found.length - listed.length;
  const message = `${JSON.stringify(reference)} may mean ${found.length} tasks:`;
  return new CommandError(
    [message, ...listed, ...(rest > 0 ? [`  and ${rest} more`] : [])].join("\n"),
    { remedies: ["name the one you mean by its ID"] },
  );
}
