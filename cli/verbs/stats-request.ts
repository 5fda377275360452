import { usageError } from "../command-error.ts";
import type { Context, Manager } from "../context.ts";
import { findTask } from "../find-task.ts";
import { parseFilters } from "../parse/filter.ts";
import { callOf, flagValue } from "./client-verb.ts";

/** What a user asked for. */
export type Selection = Readonly<{
  references: readonly string[];
  filters: readonly string[];
  intervalMs: number;
}>;

/** The call's request. Looks up what the references mean. */
export async function requestOf(
  context: Context,
  manager: Manager,
  { references, filters, intervalMs }: Selection,
) {
  const filter = flagValue("--filter", parseFilters(filters));
  if (references.length > 0 && filters.length > 0)
    throw usageError(["tasks are named and filtered: leave one of both out"]);
  const interval = {
    seconds: BigInt(Math.floor(intervalMs / 1_000)),
    nanos: (intervalMs % 1_000) * 1e6,
  };
  if (references.length === 0)
    return { filter: { ...filter, states: [...filter.states] }, interval };
  const taskIds = new Set<string>();
  for (const reference of references)
    taskIds.add((await findTask(manager, reference, callOf(context))).id);
  return { taskIds: [...taskIds], interval };
}
