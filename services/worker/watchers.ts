import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type AttemptReport,
  type WorkerServiceWatchTasksResponse,
  WorkerServiceWatchTasksResponseSchema,
} from "../../gen/berth/v1/worker_service_pb.ts";
import { chunks } from "../../lib/chunks.ts";
import type { Clock } from "../../lib/clock.ts";
import { unavailable, wrongState } from "../../lib/errors.ts";
import { createMailbox, type Mailbox } from "../../lib/mailbox.ts";
import { type Attempt, keyText } from "./attempt.ts";
import { reportOf } from "./reports.ts";
import type { ReportFeed } from "./reports-feed.ts";

/** The managers that watch this worker: one, and for a moment its predecessor. */
export interface Watchers {
  /**
   * A snapshot of all attempts, then reports with checkpoints in between and a snapshot again every
   * `SNAPSHOT_MS`, until `signal` aborts.
   * Throws FAILED_PRECONDITION once a newer epoch has taken over.
   */
  open(
    epoch: bigint,
    signal: AbortSignal,
  ): AsyncGenerator<WorkerServiceWatchTasksResponse, void, undefined>;
  /** Ends the watches of epochs before this one. */
  endBefore(epoch: bigint): void;
}

type Deps = Readonly<{
  clock: Clock;
  feed: ReportFeed;
  /** Every attempt held, in order. */
  attempts: () => readonly Attempt[];
}>;

/** A sign of life this often: a manager drops a link after three missed ones. */
export const CHECKPOINT_MS = 5_000;

/**
 * How often everything is told again: what a bug or a lost message has put wrong is wrong for so
 * long at most. The contract's minute.
 */
export const SNAPSHOT_MS = 60_000;

/** Watches at once. A manager whose connections hang may have left some behind. */
export const WATCHES_MAX = 8;

/** Attempts with news that wait for one watcher: several times what a worker holds. */
const NEWS_MAX = 10_000;

/** What one message carries at most: the contract's number, and a quarter of the 4 MiB limit. */
const MESSAGE_LIMITS = {
  entriesMax: 500,
  bytesMax: 2 ** 20,
  sizeOf: bytesAbout,
};

/** What the numbers and times of a report and one port take at most, and their marks. */
const FIXED_BYTES = 256;

/** Bytes that a character takes at most. */
const CHARACTER_BYTES = 3;

/** About how many bytes a report takes, and not fewer: to encode it for that would double its cost. */
function bytesAbout({ taskId, name, status }: AttemptReport): number {
  if (!status) return FIXED_BYTES;
  const { containerId, imageId, engine, message, probeMessage, failure, ports } = status;
  const said = [message, probeMessage, failure?.message ?? ""];
  const texts = [taskId, name, containerId, imageId, engine, ...said];
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  return (
    CHARACTER_BYTES * characters +
    FIXED_BYTES +
    ports.reduce(
      (sum, port) =>
        sum + FIXED_BYTES + CHARACTER_BYTES * (port.name.length + port.hostAddress.length),
      0,
    )
  );
}

type Watch = Readonly<{ epoch: bigint; box: Mailbox<News> }>;
type News = Attempt | Sign;
/** Something that is due, not something that happened. */
type Sign = "checkpoint" | "snapshot";

export function createWatchers(deps: Deps): Watchers {
  const watches = new Set<Watch>();
  return {
    open: (epoch, signal) => watch({ ...deps, watches, epoch }, signal),
    endBefore(epoch) {
      const message = `epoch ${epoch} watches now: another manager leads`;
      for (const { epoch: older, box } of watches)
        if (older < epoch) box.close(wrongState("STALE_EPOCH", message));
    },
  };
}

async function* watch(
  { clock, feed, attempts, watches, epoch }: Deps & { watches: Set<Watch>; epoch: bigint },
  signal: AbortSignal,
): AsyncGenerator<WorkerServiceWatchTasksResponse, void, undefined> {
  const keyOf = (news: News) => (isSign(news) ? news : keyText(news.key));
  const box = createMailbox<News>({ clock, limit: NEWS_MAX, keyOf });
  const self = { epoch, box };
  const ended = new AbortController();
  makeRoom(watches);
  watches.add(self);
  // Subscribing and looking happen in one turn, so that nothing falls in between.
  const unsubscribe = feed.subscribe(box.post);
  const held = attempts();
  try {
    yield* snapshot(held);
    void giveSigns(box, clock, AbortSignal.any([signal, ended.signal]));
    for await (const batch of box.read(signal)) yield* news(batch, attempts);
  } finally {
    unsubscribe();
    watches.delete(self);
    ended.abort();
  }
}

/** The oldest watch gives way: its manager has most likely lost it and come back. */
function makeRoom(watches: Set<Watch>): void {
  if (watches.size < WATCHES_MAX) return;
  const [oldest] = watches;
  if (!oldest) return;
  watches.delete(oldest);
  oldest.box.close(unavailable("WATCH_REPLACED", `${WATCHES_MAX} newer watches were opened`));
}

function* snapshot(held: readonly Attempt[]): Generator<WorkerServiceWatchTasksResponse> {
  const parts = [...chunks(held.map(reportOf), MESSAGE_LIMITS)];
  const last = parts.pop() ?? [];
  for (const reports of parts)
    yield message({ case: "snapshot", value: { reports, complete: false } });
  yield message({ case: "snapshot", value: { reports: last, complete: true } });
}

/** What happened, then what is due. A snapshot is a sign of life as well. */
function* news(
  batch: readonly News[],
  attempts: Deps["attempts"],
): Generator<WorkerServiceWatchTasksResponse> {
  const changed = batch.flatMap((item) => (isSign(item) ? [] : [item]));
  for (const reports of chunks(changed.map(reportOf), MESSAGE_LIMITS))
    yield message({ case: "reports", value: { reports } });
  if (batch.includes("snapshot")) yield* snapshot(attempts());
  else if (batch.includes("checkpoint"))
    yield message({ case: "checkpoint", value: { attemptCount: attempts().length } });
}

const isSign = (news: News): news is Sign => news === "checkpoint" || news === "snapshot";

type MessageInit = MessageInitShape<typeof WorkerServiceWatchTasksResponseSchema>;

const message = (news: NonNullable<MessageInit["news"]>) =>
  create(WorkerServiceWatchTasksResponseSchema, { news });

async function giveSigns(box: Mailbox<News>, clock: Clock, signal: AbortSignal): Promise<void> {
  let snapshotDueMs = clock.monotonic() + SNAPSHOT_MS;
  while (!signal.aborted) {
    await clock.sleep(CHECKPOINT_MS, signal);
    const isDue = clock.monotonic() >= snapshotDueMs;
    if (isDue) snapshotDueMs = clock.monotonic() + SNAPSHOT_MS;
    box.post(isDue ? "snapshot" : "checkpoint");
  }
}
