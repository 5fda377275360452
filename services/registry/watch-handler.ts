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
import { registryLimits } from "./limits.ts";
import { presenceBytes } from "./presence-bytes.ts";
import type { Roster } from "./roster.ts";
import type { Change } from "./sessions.ts";

type Deps = Readonly<{
  roster: Pick<Roster, "list" | "subscribe">;
  clock: Clock;
  /** How often workers send heartbeats. */
  intervalMs: number;
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
    void runPulse(inbox, clock, stopped.signal);
    try {
      yield* snapshotOf(roster.list());
      for await (const news of inbox.read(context.signal)) yield* newsOf(news);
    } finally {
      watchCount -= 1;
      unsubscribe();
      poster.end();
      stopped.abort();
    }
  };
}

/** Passes changes on: at once, or, what is routine, with more of its kind. */
function createPoster(inbox: Mailbox<News>, clock: Clock, gatherMs: number) {
  let serial = 0;
  let gathered = new Map<string, WorkerPresence>();
  let disarm: () => void = () => undefined;

  function gather(presence: WorkerPresence): void {
    if (gathered.size === 0) disarm = clock.after(gatherMs, postGathered);
    gathered.set(presence.workerId, presence);
  }

  function postGathered(): void {
    for (const presence of gathered.values()) inbox.post({ kind: "presence", presence });
    gathered = new Map();
  }

  return {
    post({ presence, events, isRoutine = false }: Change): void {
      if (isRoutine) {
        gather(presence);
        return;
      }
      // This one is later, whatever was gathered.
      if (gathered.delete(presence.workerId) && gathered.size === 0) disarm();
      inbox.post({ kind: "presence", presence });
      for (const event of events) inbox.post({ kind: "event", event, serial: serial++ });
    },
    end: () => disarm(),
  };
}

function keyOfNews(news: News): string {
  if (news.kind === "presence") return `presence ${news.presence.workerId}`;
  return news.kind === "event" ? `event ${news.serial}` : "pulse";
}

async function runPulse(inbox: Mailbox<News>, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(registryLimits.pulseMs, signal);
    inbox.post({ kind: "pulse" });
  }
}

function* snapshotOf(presences: readonly WorkerPresence[]): Generator<Answer> {
  const parts = inParts(presences, presenceBytes);
  if (parts.length === 0) yield { complete: true };
  for (const [i, workers] of parts.entries())
    yield { workers: [...workers], complete: i === parts.length - 1 };
}

function* newsOf(news: readonly News[]): Generator<Answer> {
  for (const part of inParts(news, newsBytes))
    yield {
      workers: part.flatMap((item) => (item.kind === "presence" ? [item.presence] : [])),
      events: part.flatMap((item) => (item.kind === "event" ? [item.event] : [])),
      complete: true,
    };
}

/** A reason is the longest part of an event. */
const newsBytes = (news: News): number =>
  news.kind === "presence" ? presenceBytes(news.presence) : 2 * registryLimits.textChars;

/** Cuts a list into messages of bearable size. */
const inParts = <T>(
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
