import { create } from "@bufbuild/protobuf";
import {
  type WatchTasksRequest,
  type WatchTasksResponse,
  WatchTasksResponseSchema,
} from "../../gen/berth/v1/manager_service_pb.ts";
import type { TaskEvent } from "../../gen/berth/v1/task_event_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import { chunks } from "../../lib/chunks.ts";
import type { Clock } from "../../lib/clock.ts";
import { compacted } from "../../lib/errors.ts";
import { createMailbox, type Mailbox } from "../../lib/mailbox.ts";
import type { LedgerView } from "./ledger.ts";
import type { LedgerChange } from "./ledger-change.ts";
import { MESSAGE_BYTES_MAX, taskBytes } from "./message-size.ts";
import { createTaskFilter } from "./task-filter.ts";

/** A sign of life this often, so that a client can tell a quiet watch from a dead one. */
const BOOKMARK_MS = 5_000;

/** Changes that wait for one reader. One that falls further behind is cut off and resumes. */
const CHANGES_MAX = 20_000;

/** What one message carries at most. */
const MESSAGE_ENTRIES_MAX = 500;

type Deps = Readonly<{ ledger: LedgerView; clock: Clock }>;

/** Every durable change of tasks, after what the request says is known, until `signal` aborts. */
export async function* watchTasks(
  request: WatchTasksRequest,
  { ledger, clock }: Deps,
  signal: AbortSignal,
): AsyncGenerator<WatchTasksResponse> {
  const matches = createTaskFilter(request.filter);
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const box = createMailbox<LedgerChange | "bookmark">({ clock, limit: CHANGES_MAX });
  const start = begin(request, ledger, box);
  try {
    await ledger.settled();
    const tasks = start.tasks.filter(matches);
    yield* messages(
      tasks.map((task) => ({ task })),
      start.revision,
    );
    void ringBookmarks(box, clock, either);
    let { revision } = start;
    for await (const batch of box.read(either)) {
      const changes = batch.filter((item) => item !== "bookmark");
      const fresh = changes.filter((change) => change.revision > revision);
      revision = fresh.at(-1)?.revision ?? revision;
      yield* messages(
        fresh.filter(({ task }) => matches(task)),
        revision,
      );
    }
  } finally {
    start.unsubscribe();
    ended.abort();
  }
}

/** Subscribes and reads what came before in one turn, so that nothing falls in between. */
function begin(
  { afterRevision }: WatchTasksRequest,
  ledger: LedgerView,
  box: Mailbox<LedgerChange | "bookmark">,
) {
  const missed = afterRevision === undefined ? [] : since(afterRevision, ledger);
  if (missed === "compacted")
    throw compacted(`changes after revision ${afterRevision} are no longer kept: list tasks again`);
  for (const change of missed) box.post(change);
  const unsubscribe = ledger.subscribe((changes) => changes.forEach(box.post));
  if (afterRevision !== undefined) return { tasks: [], revision: afterRevision, unsubscribe };
  return { tasks: [...ledger.tasks.all()], revision: ledger.revision(), unsubscribe };
}

/**
 * A revision that is yet to come was of another ledger: of a cluster that was wiped since. Whoever
 * went on after it would hear nothing until this ledger has come as far.
 */
const since = (revision: bigint, ledger: LedgerView) =>
  revision > ledger.revision() ? "compacted" : ledger.since(revision);

/** Changes in messages of a bearable size; the last one says how far they reach. At least one. */
function* messages(
  changes: readonly TaskChangeInit[],
  revision: bigint,
): Generator<WatchTasksResponse> {
  const sizeOf = ({ task }: TaskChangeInit) => taskBytes(task);
  const limits = { entriesMax: MESSAGE_ENTRIES_MAX, bytesMax: MESSAGE_BYTES_MAX, sizeOf };
  const all = [...chunks(changes, limits)];
  for (const part of all.slice(0, -1))
    yield create(WatchTasksResponseSchema, { changes: part, revision: lastRevision(part) });
  yield create(WatchTasksResponseSchema, { changes: all.at(-1) ?? [], revision });
}

type TaskChangeInit = Readonly<{ task: Task; removed?: boolean; event?: TaskEvent }>;

/** A part of what came together can be resumed after; a part of a beginning, made of tasks, cannot. */
const lastRevision = (part: readonly TaskChangeInit[]) => part.at(-1)?.event?.revision ?? 0n;

async function ringBookmarks(
  box: Mailbox<LedgerChange | "bookmark">,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(BOOKMARK_MS, signal);
    box.post("bookmark");
  }
}
