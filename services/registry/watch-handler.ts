import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  RegistryService,
  WatchWorkersResponseSchema,
  WorkerEvent,
} from "../../gen/berth/v1/registry_service_pb.ts";
import type { WorkerPresence } from "../../gen/berth/v1/worker_pb.ts";
import { chunks } from "../../lib/chunks.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import { createMailbox, type Mailbox } from "../../lib/mailbox.ts";
import { createGathering } from "./gathering.ts";
import { registryLimits } from "./limits.ts";
import { presenceBytes } from "./presence-bytes.ts";
import type { Roster } from "./roster.ts";
import type { Change } from "./sessions.ts";

type Deps = Readonly<{
  roster: Pick<Roster, "list" | "subscribe">;
  clock: Clock;
  /** How often workers send heartbeats. */
  intervalMs: number;
  /** Whether those who are here have had time to say so. */
  isSettled: () => boolean;
}>;

/**
 * For how much of an interval routine heartbeats are gathered: of a thousand workers a quarter then
 * travels in one message, and what is known of each is hardly older.
 */
const GATHERED_PER_INTERVAL = 0.25;

type News =
  /** Of one worker only the latest is kept. */
  | Readonly<{ kind: "presence"; presence: WorkerPresence }>
  /** Every one is kept, in order. */
  | Readonly<{ kind: "event"; event: WorkerEvent; serial: number }>
  /** There may be nothing to tell, but the registry lives. */
  | Readonly<{ kind: "pulse" }>;

type Answer = MessageInitShape<typeof WatchWorkersResponseSchema>;

/** First all workers, then every change, and a sign of life when there is none. */
export function createWatchHandler({
  roster,
  clock,
  intervalMs,
  isSettled,
}: Deps): ServiceImpl<typeof RegistryService>["watchWorkers"] {
  let watchCount = 0;
  return async function* watchWorkers(_request, context) {
    if (watchCount >= registryLimits.watches) throw tooManyWatches();
    watchCount += 1;
    const limit = registryLimits.newsWaiting;
    const inbox = createMailbox<News>({ clock, limit, keyOf: keyOfNews });
    const poster = createPoster(inbox, clock, intervalMs * GATHERED_PER_INTERVAL);
    const unsubscribe = roster.subscribe(poster.post);
    const stopped = new AbortController();
    void runPulse(clock, () => inbox.post({ kind: "pulse" }), stopped.signal);
    try {
      yield* snapshotOf(roster.list(), isSettled);
      for await (const news of inbox.read(context.signal)) yield* newsOf(news, isSettled);
    } finally {
      watchCount -= 1;
      unsubscribe();
      poster.end();
      stopped.abort();
    }
  };
}

/** Puts changes into the box as they come, routine ones together. */
function createPoster(inbox: Mailbox<News>, clock: Clock, gatherMs: number) {
  let serial = 0;
  const deliver = ({ presence, events }: Change) => {
    inbox.post({ kind: "presence", presence });
    for (const event of events) inbox.post({ kind: "event", event, serial: serial++ });
  };
  const gathering = createGathering({ clock, gatherMs, deliver });
  return {
    post: (change: Change) =>
      gathering.post(change.presence.workerId, change, change.isRoutine ?? false),
    end: gathering.end,
  };
}

function keyOfNews(news: News): string {
  if (news.kind === "presence") return `presence ${news.presence.workerId}`;
  return news.kind === "event" ? `event ${news.serial}` : "pulse";
}

/** Gives a sign of life again and again, until `signal` aborts. */
export async function runPulse(
  clock: Clock,
  pulse: () => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(registryLimits.pulseMs, signal);
    pulse();
  }
}

function* snapshotOf(
  presences: readonly WorkerPresence[],
  isSettled: () => boolean,
): Generator<Answer> {
  const parts = inParts(presences, presenceBytes);
  if (parts.length === 0) yield { complete: isSettled() };
  for (const [i, workers] of parts.entries())
    yield { workers: [...workers], complete: i === parts.length - 1 && isSettled() };
}

function* newsOf(news: readonly News[], isSettled: () => boolean): Generator<Answer> {
  for (const part of inParts(news, newsBytes))
    yield {
      workers: part.flatMap((item) => (item.kind === "presence" ? [item.presence] : [])),
      events: part.flatMap((item) => (item.kind === "event" ? [item.event] : [])),
      complete: isSettled(),
    };
}

/** A reason is the longest part of an event. */
const newsBytes = (news: News): number =>
  news.kind === "presence" ? presenceBytes(news.presence) : 2 * registryLimits.textChars;

/** Cuts a list into messages of bearable size. */
export const inParts = <T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
): readonly (readonly T[])[] => [
  ...chunks(items, {
    entriesMax: registryLimits.workersPerMessage,
    bytesMax: registryLimits.bytesPerMessage,
    sizeOf,
  }),
];

const tooManyWatches = () =>
  exhausted("TOO_MANY_WATCHES", `${registryLimits.watches} watches are open: close one`);
