import type { ServiceImpl } from "@connectrpc/connect";
import type { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted } from "../../lib/errors.ts";
import { createMailbox, type Mailbox } from "../../lib/mailbox.ts";
import { createGathering } from "./gathering.ts";
import { registryLimits } from "./limits.ts";
import type { Roster } from "./roster.ts";
import type { Change } from "./sessions.ts";
import { createAnswers, type News } from "./watch-answers.ts";

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

/** First all workers, then every change, and a sign of life when there is none. */
export function createWatchHandler({
  roster,
  clock,
  intervalMs,
  isSettled,
}: Deps): ServiceImpl<typeof RegistryService>["watchWorkers"] {
  let watchCount = 0;
  return async function* watchWorkers({ heartbeats }, context) {
    if (watchCount >= registryLimits.watches) throw tooManyWatches();
    watchCount += 1;
    const limit = registryLimits.newsWaiting;
    const inbox = createMailbox<News>({ clock, limit, keyOf: keyOfNews });
    const poster = createPoster(inbox, clock, intervalMs * GATHERED_PER_INTERVAL);
    const unsubscribe = roster.subscribe(poster.post);
    const stopped = new AbortController();
    void runPulse(clock, () => inbox.post({ kind: "pulse" }), stopped.signal);
    const answers = createAnswers({ heartbeats, isSettled });
    try {
      yield* answers.listing(roster.list());
      for await (const news of inbox.read(context.signal)) yield* answers.telling(news);
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

const tooManyWatches = () =>
  exhausted("TOO_MANY_WATCHES", `${registryLimits.watches} watches are open: close one`);
