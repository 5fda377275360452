import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import type { Store } from "../../lib/store/store.ts";
import { inAnyWeather } from "../../lib/store/weather.ts";
import { crashPrefix } from "./crash-log.ts";
import type { Ledger } from "./ledger.ts";
import { entriesOf } from "./ledger-load.ts";
import { deleteKey, prefixes, readEvent, revisionKey } from "./ledger-records.ts";
import { prefixes, readEvent, revisionKey, versionsOf } from "./ledger-records.ts";

/** Which events: of one task or, without a task ID, of all; after a revision; at most so many. */
export type EventSelection = Readonly<{ taskId: string; after: bigint; limit: number }>;

/** Events as stored, oldest first. */
export async function listEvents(
  store: Pick<Store, "get" | "list">,
  { taskId, after, limit }: EventSelection,
): Promise<readonly TaskEvent[]> {
  if (taskId === "") {
    const page = { after: prefixes.event + revisionKey(after), limit };
    return (await store.list(prefixes.event, page)).map(readEvent);
  }
  const prefix = versionsOf(taskId);
  const marks = await store.list(prefix, { after: prefix + revisionKey(after), limit });
  const keys = marks.map(({ key }) => prefixes.event + key.slice(prefix.length));
  const entries = await Promise.all(keys.map((key) => store.get(key)));
  return entries.flatMap((entry) => (entry ? [readEvent(entry)] : []));
}

type Deps = Readonly<{ store: Store; ledger: Ledger; clock: Clock; log: Log }>;

/**
 * Deletes the events and crash reports of removed tasks until `signal` aborts. What an earlier manager left is
 * found by the marks that a removal writes in its own batch.
 */
export async function runEventSweeper(
  { store, ledger, clock, log }: Deps,
  signal: AbortSignal,
): Promise<void> {
  let removed: string[] = [];
  let wake: () => void = () => undefined;
  const unsubscribe = ledger.subscribe((changes) => {
    removed.push(...changes.filter((change) => change.removed).map(({ task }) => task.id));
    if (removed.length > 0) wake();
  });
  signal.addEventListener("abort", () => wake(), { once: true });

  for await (const { key } of entriesOf(store, prefixes.sweep))
    removed.push(key.slice(prefixes.sweep.length));
  while (!signal.aborted) {
    const taskIds = removed;
    removed = [];
    await inAnyWeather(() => sweep(store, taskIds), { clock, isOver: () => signal.aborted });
    if (taskIds.length > 0) log.debug({ taskIds }, "events of removed tasks deleted");
    if (removed.length === 0 && !signal.aborted)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
  unsubscribe();
}

/** How many keys one commit deletes at most. */
const KEYS_PER_COMMIT = 2_000;

/**
 * Many tasks' events share a commit: a flush for each would make a long purge slow. A task's mark goes
 * after its events, so that what is left by a crash is found.
 */
async function sweep(store: Store, taskIds: readonly string[]): Promise<void> {
  let keys: string[] = [];
  for (const taskId of new Set(taskIds)) {
    keys.push(...(await keysOf(store, taskId)), prefixes.sweep + taskId);
    if (keys.length >= KEYS_PER_COMMIT) keys = await deleteAll(store, keys, KEYS_PER_COMMIT);
  }
  await deleteAll(store, keys, 1);
}

/** Deletes keys in commits that the store takes, until fewer than `least` are left: those. */
async function deleteAll(store: Store, keys: readonly string[], least: number): Promise<string[]> {
  const size = Math.min(KEYS_PER_COMMIT, store.limits.operations);
  let left = [...keys];
  while (left.length >= least) {
    await store.commit({ writes: left.slice(0, size).map(deleteKey) });
    left = left.slice(size);
  }
  return left;
}

/** All that is kept of a task beside its record. */
async function keysOf(store: Store, taskId: string): Promise<readonly string[]> {
  const prefix = `${prefixes.taskEvent}${taskId}/`;
  const keys: string[] = [];
  // An event before its mark, for by that it is found.
  for await (const { key } of entriesOf(store, prefix))
    keys.push(prefixes.event + key.slice(prefix.length), key);
  for await (const { key } of entriesOf(store, crashPrefix(taskId))) keys.push(key);
  return keys;
}
