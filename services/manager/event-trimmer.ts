import { isFinished, type Retention } from "../../core/retention.ts";
import { afterVersion, cutVersion } from "../../core/task-version.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { createMailbox } from "../../lib/mailbox.ts";
import type { Entry, Store, Write } from "../../lib/store/store.ts";
import { inAnyWeather } from "../../lib/store/weather.ts";
import type { Ledger } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";
import {
  deleteKey,
  encodeVersion,
  prefixes,
  readRevision,
  readVersion,
  versionsOf,
} from "./ledger-records.ts";

type Deps = Readonly<{ store: Store; ledger: Ledger; clock: Clock; log: Log }>;

/** The part of `eventsMax` that a history may grow beyond it before it is cut back. */
const SLACK_SHARE = 1 / 8;

/** How many events one commit deletes at most. */
const EVENTS_PER_COMMIT = 1_000;

const KEYS_PER_EVENT = 2;

/** Tasks that wait to be looked at. As many as a ledger holds. */
const WAITING_MAX = 1_000_000;

/**
 * Keeps about the latest `eventsMax` events of each task until `signal` aborts: a history is cut
 * back to that many as soon as it is an eighth longer.
 */
export async function runEventTrimmer(
  { store, ledger, clock, log }: Deps,
  { eventsMax }: Pick<Retention, "eventsMax">,
  signal: AbortSignal,
): Promise<void> {
  const isOver = () => signal.aborted;
  const counts = createEventCounts(Math.ceil(eventsMax * (1 + SLACK_SHARE)));
  const grown = createMailbox<string>({ clock, limit: WAITING_MAX, keyOf: (taskId) => taskId });
  const unsubscribe = ledger.subscribe((changes) => {
    for (const change of changes) if (counts.note(change)) grown.post(change.task.id);
  });
  for await (const taskIds of grown.read(signal)) {
    for (const taskId of taskIds) {
      const trimmed = () => trim(store, taskId, eventsMax);
      const { deleted, left } = await inAnyWeather(trimmed, { clock, isOver });
      counts.set(taskId, left);
      if (deleted > 0) log.debug({ taskId, deleted }, "old events deleted");
    }
  }
  unsubscribe();
}

/** How many events tasks have, as far as that is known without asking the store. */
function createEventCounts(limit: number) {
  const counts = new Map<string, number>();

  return {
    /** Takes notice of a change. Whether the task's events must be looked at. */
    note({ task: { id }, task, event, removed }: LedgerChange): boolean {
      const isNew = event.fromState === TaskState.UNSPECIFIED;
      const known = isNew ? 0 : counts.get(id);
      if (removed || isFinished(task)) counts.delete(id);
      // Of a task from before this start nothing is known: it is counted at its first change.
      else counts.set(id, (known ?? 0) + 1);
      return !removed && (known === undefined || known >= limit);
    },
    set: (taskId: string, count: number): void => {
      if (counts.has(taskId)) counts.set(taskId, count);
    },
  };
}

/**
 * Deletes the oldest events of a task but the latest `eventsMax`. The first that is kept tells from then
 * on without them how the task was, and that there were others.
 */
async function trim(store: Store, taskId: string, eventsMax: number) {
  const prefix = versionsOf(taskId);
  const count = await store.count(prefix);
  const excess = Math.max(0, count - eventsMax);
  const operations = store.limits.operations - 1;
  const size = Math.min(EVENTS_PER_COMMIT, Math.floor(operations / KEYS_PER_EVENT));
  for (let left = excess; left > 0; left -= size) {
    const limit = Math.min(left, size);
    const page = await store.list(prefix, { limit: limit + 1 });
    const oldest = page.slice(0, limit);
    const events = oldest.map(({ key }) => prefixes.event + key.slice(prefix.length));
    const keys = [...oldest.map(({ key }) => key), ...events];
    await store.commit({ writes: [...keys.map(deleteKey), ...cutAfter(oldest, page[limit])] });
  }
  return { deleted: excess, left: count - excess };
}

function cutAfter(oldest: readonly Entry[], next: Entry | undefined): readonly Write[] {
  const version = next && readVersion(next);
  if (!version) return [];
  const nameless = { id: "", spec: undefined };
  const before = oldest
    .flatMap((entry) => readVersion(entry) ?? [])
    .reduce<Task | undefined>((task, each) => afterVersion(task, each, nameless), undefined);
  const cut = cutVersion(afterVersion(before, version, nameless), firstRevisionOf(oldest));
  return [{ kind: "put", key: next.key, value: encodeVersion(cut) }];
}

/** Which revision made the task whose first kept versions these are. */
function firstRevisionOf([first]: readonly Entry[]): bigint {
  if (!first) return 0n;
  return readVersion(first)?.firstRevision || readRevision(first);
}
