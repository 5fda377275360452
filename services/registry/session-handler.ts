import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  RegistryService,
  SessionRequest,
  SessionRequest_Farewell,
  SessionRequest_Heartbeat,
  SessionRequest_Registration,
  SessionResponseSchema,
} from "../../gen/berth/v1/registry_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { type FieldViolation, invalidFields, timedOut } from "../../lib/errors.ts";
import { createMailbox, type Mailbox } from "../../lib/mailbox.ts";
import type { Random } from "../../lib/random.ts";
import { checkFarewell, checkHeartbeat, checkRegistration } from "./checks.ts";
import { registryLimits } from "./limits.ts";
import type { Roster } from "./roster.ts";
import type { SessionKey } from "./sessions.ts";

export type SessionDeps = Readonly<{
  roster: Roster;
  clock: Clock;
  random: Random;
  leaseMs: number;
  intervalMs: number;
}>;

type Answer = MessageInitShape<typeof SessionResponseSchema>;

/**
 * Heartbeats are asked for at the interval, give or take this share of it: so those who
 * registered together do not beat together.
 */
const INTERVAL_JITTER = 0.1;

/** One life of a worker's connection: a registration, heartbeats, perhaps a farewell. */
export function createSessionHandler(
  deps: SessionDeps,
): ServiceImpl<typeof RegistryService>["session"] {
  const { clock } = deps;
  return async function* session(words, context) {
    const inbox = createMailbox<SessionRequest>({ clock, limit: registryLimits.wordsWaiting });
    const talk = createTalk(deps, inbox);
    const { registrationMs } = registryLimits;
    const stopTimer = clock.after(registrationMs, () => {
      if (!talk.registered()) inbox.close(notRegistered(registrationMs));
    });
    void pump(words, inbox);
    try {
      for await (const batch of inbox.read(context.signal))
        for (const word of batch) {
          yield* talk.answer(word);
          if (talk.over()) return;
        }
    } finally {
      stopTimer();
      inbox.close();
      talk.end();
    }
  };
}

/** Moves what the worker says into the inbox, which can be closed from outside as well. */
async function pump(words: AsyncIterable<SessionRequest>, inbox: Mailbox<SessionRequest>) {
  try {
    for await (const word of words) inbox.post(word);
    inbox.close();
  } catch (error) {
    inbox.close(error instanceof Error ? error : new Error("the stream broke", { cause: error }));
  }
}

/** What one session's words do, in order. */
function createTalk({ roster, random, leaseMs, intervalMs }: SessionDeps, inbox: Mailbox<unknown>) {
  let key: SessionKey | undefined;
  let over = false;

  function* begin(registration: SessionRequest_Registration): Generator<Answer> {
    if (key) throw invalidWord("a session has one registration: open another session");
    refuse(checkRegistration(registration));
    key = roster.register(registration, inbox.close);
    const interval = durationFromMs(jittered(intervalMs, random));
    const terms = { sessionId: key.sessionId, lease: durationFromMs(leaseMs), interval };
    yield { word: { case: "terms", value: terms } };
  }

  function* beat(heartbeat: SessionRequest_Heartbeat): Generator<Answer> {
    if (!key) throw unregistered("heartbeat");
    refuse(checkHeartbeat(heartbeat));
    // Otherwise the session was cut, and the inbox gives the reason next.
    if (roster.hear(key, heartbeat))
      yield { word: { case: "acknowledgement", value: { sequence: heartbeat.sequence } } };
  }

  function leave({ reason }: SessionRequest_Farewell): void {
    if (!key) throw unregistered("farewell");
    refuse(checkFarewell(reason));
    roster.leave(key, reason || "said goodbye");
    over = true;
  }

  return {
    registered: () => key !== undefined,
    over: () => over,
    *answer({ word }: SessionRequest): Generator<Answer> {
      if (word.case === "registration") yield* begin(word.value);
      else if (word.case === "heartbeat") yield* beat(word.value);
      else if (word.case === "farewell") leave(word.value);
      else throw invalidWord("is none of registration, heartbeat and farewell: send one of them");
    },
    end(): void {
      if (key) roster.disconnect(key);
    },
  };
}

const jittered = (ms: number, random: Random): number =>
  Math.round(ms * (1 + INTERVAL_JITTER * (2 * random() - 1)));

function refuse(violations: readonly FieldViolation[]): void {
  if (violations.length > 0) throw invalidFields(violations);
}

const invalidWord = (description: string) => invalidFields([{ field: "word", description }]);

const unregistered = (word: string) =>
  invalidWord(`the first word is a ${word}: send a registration first`);

const notRegistered = (ms: number) =>
  timedOut("REGISTRATION_MISSING", `no registration came in ${ms} ms: send it first`);
