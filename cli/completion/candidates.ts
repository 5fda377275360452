import { stateName } from "../../core/task-state.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Context, Manager } from "../context.ts";
import { readContexts } from "../contexts/context-file.ts";
import { findManagerAddress } from "../contexts/manager-address.ts";
import { allMethods } from "../find-method.ts";
import { oneLine } from "../output/format.ts";
import { nameOf } from "../output/task-text.ts";
import { workerStateText } from "../output/worker-listing.ts";
import type { Flags } from "../settings/resolve.ts";
import type { Candidate, Named } from "./wanted.ts";

/** Whoever presses a key does not wait longer. */
const LIVE_MS = 1_500;

/** More than anybody reads. */
const TASKS_MAX = 1_000;

type Asked = Readonly<{ what: Named; typed: string; flags: Flags }>;

/** What there is of a kind. Nothing when it cannot be learned, or not soon: completion never complains. */
export async function candidatesFor(context: Context, asked: Asked): Promise<readonly Candidate[]> {
  const over = new AbortController();
  const disarm = context.clock.after(LIVE_MS, () => over.abort());
  const signal = AbortSignal.any([over.signal, context.interrupted]);
  try {
    return await Promise.race([find(context, asked, signal), whenAborted(signal)]);
  } catch {
    return [];
  } finally {
    disarm();
  }
}

const whenAborted = (signal: AbortSignal): Promise<readonly Candidate[]> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve([]), { once: true }));

async function find(
  context: Context,
  { what, typed, flags }: Asked,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  switch (what) {
    case "context":
      return [...(await readContexts(context)).clusters].map(([value, { addr }]) => ({
        ...{ value, description: addr },
      }));
    case "method":
      return allMethods().map(({ name, parent }) => ({ value: name, description: parent.name }));
    case "worker":
      return withManagerOf(context, flags, (manager) => workers(manager, signal));
    case "task":
      return withManagerOf(context, flags, (manager) => tasks(manager, typed, signal));
    case "place":
      return withManagerOf(context, flags, async (manager) =>
        (await tasks(manager, typed, signal)).map((task) => ({ ...task, value: `${task.value}:` })),
      );
  }
}

async function withManagerOf(
  context: Context,
  flags: Flags,
  ask: (manager: Manager) => Promise<readonly Candidate[]>,
): Promise<readonly Candidate[]> {
  const { addr } = await findManagerAddress(flags, context);
  const { manager, close } = await context.connect(addr);
  try {
    return await ask(manager);
  } finally {
    close();
  }
}

async function workers(manager: Manager, signal: AbortSignal): Promise<readonly Candidate[]> {
  const page = await manager.listWorkers({ pageSize: TASKS_MAX }, { signal });
  return page.workers.map((worker) => ({ value: worker.id, description: workerStateText(worker) }));
}

/** By name where one task has it, else by ID; by ID too once that is what is typed. */
async function tasks(
  manager: Manager,
  typed: string,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  const page = await manager.listTasks({ pageSize: TASKS_MAX }, { signal });
  const counts = new Map<string, number>();
  for (const task of page.tasks) counts.set(nameOf(task), (counts.get(nameOf(task)) ?? 0) + 1);
  return page.tasks.flatMap((task) => {
    const isById = typed !== "" && task.id.startsWith(typed);
    const name = nameOf(task);
    const byName = counts.get(name) === 1 ? [named(task, name)] : [];
    return isById || byName.length === 0 ? [...byName, named(task, task.id)] : byName;
  });
}

const named = (task: Task, value: string): Candidate => ({
  value: oneLine(value),
  description: `${value === task.id ? oneLine(nameOf(task)) : task.id}, ${stateName(task.state)}`,
});
