import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  WatchWorkersResponseSchema,
  WorkerEvent,
} from "../../gen/berth/v1/registry_service_pb.ts";
import type { WorkerPresence } from "../../gen/berth/v1/worker_pb.ts";
import { registryLimits } from "./limits.ts";
import { inParts } from "./parts.ts";
import { presenceBytes } from "./presence-bytes.ts";

/** What a watcher is to be told. */
export type News =
  /** Of one worker only the latest is kept. */
  | Readonly<{ kind: "presence"; presence: WorkerPresence }>
  /** Every one is kept, in order. */
  | Readonly<{ kind: "event"; event: WorkerEvent; serial: number }>
  /** There may be nothing to tell, but the registry lives. */
  | Readonly<{ kind: "pulse" }>;

type Answer = MessageInitShape<typeof WatchWorkersResponseSchema>;

/** About what an event takes in a message: a reason is the longest part. */
const EVENT_BYTES = 2 * registryLimits.textChars;

/** The same of a heartbeat, whose longest part is an engine's error. */
const HEARTBEAT_BYTES = 256 + registryLimits.textChars;

/** Makes the messages of one watch. */
export interface Answers {
  listing(presences: readonly WorkerPresence[]): Generator<Answer>;
  telling(news: readonly News[]): Generator<Answer>;
}

type Terms = Readonly<{
  /** Whether heartbeats come as such. */
  heartbeats: boolean;
  /** Whether those who are here have had time to say so. */
  isSettled: () => boolean;
}>;

export function createAnswers({ heartbeats, isSettled }: Terms): Answers {
  /** What was sent. Heartbeats change it in place, and all else makes another. */
  const told = new WeakSet<WorkerPresence>();

  function bytesOf(news: News): number {
    if (news.kind !== "presence") return EVENT_BYTES;
    return told.has(news.presence) ? HEARTBEAT_BYTES : presenceBytes(news.presence);
  }

  function tell(presence: WorkerPresence): WorkerPresence {
    if (heartbeats) told.add(presence);
    return presence;
  }

  function answerOf(news: readonly News[]): Answer {
    const presences = news.flatMap((each) => (each.kind === "presence" ? [each.presence] : []));
    return {
      heartbeats: presences.filter((each) => told.has(each)).map(heartbeatOf),
      workers: presences.filter((each) => !told.has(each)).map(tell),
      events: news.flatMap((each) => (each.kind === "event" ? [each.event] : [])),
      complete: isSettled(),
    };
  }

  return {
    *listing(presences) {
      const parts = inParts(presences, presenceBytes);
      if (parts.length === 0) yield { complete: isSettled() };
      for (const [i, part] of parts.entries())
        yield { workers: part.map(tell), complete: i === parts.length - 1 && isSettled() };
    },
    *telling(news) {
      for (const part of inParts(news, bytesOf)) yield answerOf(part);
    },
  };
}

const heartbeatOf = ({ workerId, metrics, heardTime }: WorkerPresence) => ({
  $typeName: "berth.v1.WorkerHeartbeat" as const,
  workerId,
  ...(metrics && { metrics }),
  ...(heardTime && { heardTime }),
});
