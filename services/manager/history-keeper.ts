import type { Retention } from "../../core/retention.ts";
import { toMillis } from "../../core/time.ts";
import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Store } from "../../lib/store/store.ts";
import { inAnyWeather } from "../../lib/store/weather.ts";
import { crashPrefix } from "./crash-log.ts";
import { createDueQueue } from "./due-queue.ts";
import type { Ledger } from "./ledger.ts";
import { entriesOf } from "./ledger-load.ts";
import { deleteKey, prefixes, readRemoved, versionsOf } from "./ledger-records.ts";

type Deps = Readonly<{ store: Store; ledger: Ledger; clock: Clock; log: Log }>;

type Limits = Pick<Retention, "historyMs" | "removedMax">;

/** How many removed tasks are forgotten at once at most. */
const TASKS_PER_ROUND = 256;

/** How long the loop sleeps when nothing is to be forgotten. It is woken before. */
const IDLE_MS = 3_600_000;

/**
 * Forgets removed tasks, with their events, once they were kept long enough for questions about the
 * past, or are too many, until `signal` aborts. Their crash reports, which hold lines of logs, go at once. The past before the latest of them can then no longer
 * be told: that is durable first, so that nobody is ever told the half of it.
 */
export async function runHistoryKeeper(
  deps: Deps,
  { historyMs, removedMax }: Limits,
  signal: AbortSignal,
): Promise<void> {
  const { store, ledger, clock, log } = deps;
  const isOver = () => signal.aborted;
  const bell = createBell(clock);
  const queue = createDueQueue(historyMs, clock);
  const removed: string[] = [];
  const unsubscribe = ledger.subscribe((changes) => {
    const gone = changes.filter((change) => change.removed);
    removed.push(...gone.map(({ task }) => task.id));
    if (gone.length > 0) bell.ring();
  });
  await inAnyWeather(() => sweepLeftovers(store), { clock, isOver });
  queue.fill(await inAnyWeather(() => removedBefore(store), { clock, isOver }));

  while (!signal.aborted) {
    const gone = removed.splice(0);
    await inAnyWeather(() => dropReports(gone, store), { clock, isOver });
    for (const id of gone) queue.add(id);
    const taskIds = queue.takeDue(TASKS_PER_ROUND, removedMax);
    if (taskIds.length > 0) {
      await inAnyWeather(() => forget(taskIds, deps), { clock, isOver });
      log.debug({ taskIds }, "removed tasks forgotten");
    } else {
      const dueMs = queue.first()?.dueMs ?? Number.POSITIVE_INFINITY;
      await bell.wait(signal, Math.min(dueMs - clock.monotonic(), IDLE_MS));
    }
  }
  unsubscribe();
}

/** What a version before the time travel had yet to delete: of tasks of which nothing else is kept. */
async function sweepLeftovers(store: Store): Promise<void> {
  const taskIds: string[] = [];
  for await (const { key } of entriesOf(store, prefixes.sweep))
    taskIds.push(key.slice(prefixes.sweep.length));
  await sweep(store, taskIds, prefixes.sweep);
}

/** The tasks that were removed under an earlier manager. */
async function removedBefore(store: Store) {
  const found: { id: string; sinceMs: number }[] = [];
  for await (const entry of entriesOf(store, prefixes.removed)) {
    const { time } = readRemoved(entry).event ?? {};
    found.push({
      id: entry.key.slice(prefixes.removed.length),
      sinceMs: time ? toMillis(time) : 0,
    });
  }
  return found;
}

async function dropReports(taskIds: readonly string[], store: Store): Promise<void> {
  const keys: string[] = [];
  for (const taskId of taskIds) keys.push(...(await reportKeysOf(store, taskId)));
  await deleteAll(store, keys, 1);
}

async function forget(taskIds: readonly string[], { store, ledger }: Deps): Promise<void> {
  const entries = await Promise.all(taskIds.map((id) => store.get(prefixes.removed + id)));
  const events = entries.flatMap((entry) => (entry && readRemoved(entry).event) || []);
  const latest = events.toSorted((a, b) => (a.revision < b.revision ? -1 : 1)).at(-1);
  if (latest?.time)
    await ledger.forgetBefore({ revision: latest.revision, ms: toMillis(latest.time) });
  await sweep(store, taskIds, prefixes.removed);
}

/** How many keys one commit deletes at most. */
const KEYS_PER_COMMIT = 2_000;

/**
 * Many tasks' events share a commit: a flush for each would make a long purge slow. What names a task,
 * under `prefix`, goes after its events, so that what is left by a crash is found.
 */
async function sweep(store: Store, taskIds: readonly string[], prefix: string): Promise<void> {
  let keys: string[] = [];
  for (const taskId of new Set(taskIds)) {
    keys.push(...(await eventKeysOf(store, taskId)));
    // Of a task that was removed just before a manager ended, or made while it was.
    keys.push(...(await reportKeysOf(store, taskId)), prefix + taskId);
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

async function eventKeysOf(store: Store, taskId: string): Promise<readonly string[]> {
  const prefix = versionsOf(taskId);
  const keys: string[] = [];
  // An event before its version, for by that it is found.
  for await (const { key } of entriesOf(store, prefix))
    keys.push(prefixes.event + key.slice(prefix.length), key);
  return keys;
}

async function reportKeysOf(store: Store, taskId: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of entriesOf(store, crashPrefix(taskId))) keys.push(key);
  return keys;
}
