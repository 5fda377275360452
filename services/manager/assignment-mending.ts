import { metaKeys } from "../../core/assignment-place.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Entry, Store, Write } from "../../lib/store/store.ts";
import { inAnyWeather } from "../../lib/store/weather.ts";
import { assignmentsOf } from "./assignment-writes.ts";
import type { Ledger } from "./ledger.ts";
import { deleteKey, prefixes, putText } from "./ledger-records.ts";

type Deps = Readonly<{
  ledger: Pick<Ledger, "tasks" | "epoch" | "commitBeside">;
  store: Pick<Store, "list">;
  clock: Clock;
  log: Log;
}>;

/** Tasks, or entries, of one turn: a few batches of etcd's. */
const PAGE = 250;

/**
 * Brings what workers read in step with the tasks, once, in a store that had a leader who did not:
 * of an earlier version, or when it was not in etcd yet. Whatever changes meanwhile writes its own;
 * each part is made of the head in one turn, so that nothing older is written after it. Workers
 * wait for the note at the end.
 */
export async function mendAssignments(deps: Deps, signal: AbortSignal): Promise<void> {
  const { ledger, log } = deps;
  const ids = [...ledger.tasks.all()].map(({ id }) => id);
  for (let first = 0; first < ids.length && !signal.aborted; first += PAGE) {
    const tasks = ids.slice(first, first + PAGE).flatMap((id) => ledger.tasks.get(id) ?? []);
    await ledger.commitBeside(tasks.flatMap(assignmentsOf));
  }
  await dropStrays(deps, signal);
  if (signal.aborted) return;
  await ledger.commitBeside([putText(metaKeys.assignments, String(ledger.epoch))]);
  log.info({ tasks: ids.length }, "assignments are in step with the ledger");
}

/** What an earlier leader left behind that no task says any more. */
async function dropStrays({ ledger, store, clock }: Deps, signal: AbortSignal): Promise<void> {
  const isOver = () => signal.aborted;
  for (let after: string | undefined = prefixes.assignment; after !== undefined; ) {
    const page = { after, limit: PAGE };
    const read = () => store.list(prefixes.assignment, page);
    const entries: readonly Entry[] = await inAnyWeather(read, { clock, isOver });
    if (signal.aborted) return;
    await ledger.commitBeside(strays(entries, ledger));
    after = entries.length === PAGE ? entries.at(-1)?.key : undefined;
  }
}

function strays(entries: readonly Entry[], { tasks }: Pick<Ledger, "tasks">): readonly Write[] {
  return entries.flatMap(({ key }) => {
    const task = tasks.get(key.split("/").at(-2) ?? "");
    const isKnown = task && assignmentsOf(task).some((write) => write.key === key);
    return isKnown ? [] : [deleteKey(key)];
  });
}
