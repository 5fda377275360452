import { type Duration, durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type {
  RegistryService,
  SessionRequest,
  SessionRequest_Farewell,
  SessionRequest_Heartbeat,
  SessionRequest_Registration,
} from "../../gen/berth/v1/registry_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { type FieldViolation, invalidFields, timedOut } from "../../lib/errors.ts";
import type { Random } from "../../lib/random.ts";
import { checkFarewell, checkHeartbeat, checkRegistration } from "./checks.ts";
import { registryLimits } from "./limits.ts";
import { isWorthTelling, paceOf } from "./pace.ts";
import type { Roster } from "./roster.ts";
import { type Answer, createAnswers } from "./session-answers.ts";
import type { SessionKey } from "./sessions.ts";

export type SessionDeps = Readonly<{
  roster: Roster;
  clock: Clock;
  random: Random;
  leaseMs: number;
  intervalMs: number;
}>;

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
  return (words, { signal }) => ({
    [Symbol.asyncIterator]() {
      const { registrationMs } = registryLimits;
      const talk = createTalk(deps, (reason) => answers.end(reason));
      const stopTimer = clock.after(registrationMs, () => {
        if (!talk.isRegistered()) answers.end(notRegistered(registrationMs));
      });
      const answers = createAnswers(words, talk, () => {
        stopTimer();
        talk.end();
      });
      signal.addEventListener("abort", () => answers.end(), { once: true });
      if (signal.aborted) answers.end();
      return answers;
    },
  });
}

/** What one session's words do, in order. `cut` ends the session from outside. */
function createTalk(deps: SessionDeps, cut: (reason: Error) => void) {
  const { roster } = deps;
  const pace = createPace(deps);
  let key: SessionKey | undefined;

  function begin(registration: SessionRequest_Registration): Answer {
    if (key) throw invalidWord("a session has one registration: open another session");
    refuse(checkRegistration(registration));
    key = roster.register(registration, cut);
    const lease = durationFromMs(deps.leaseMs);
    const terms = { sessionId: key.sessionId, lease, interval: pace.begin() };
    return { word: { case: "terms", value: terms } };
  }

  function beat(heartbeat: SessionRequest_Heartbeat): Answer | undefined {
    if (!key) throw unregistered("heartbeat");
    refuse(checkHeartbeat(heartbeat));
    // Otherwise the session was cut, and why is told next.
    if (!roster.hear(key, heartbeat)) return undefined;
    const { sequence } = heartbeat;
    const interval = pace.change();
    const value = interval ? { sequence, interval } : { sequence };
    return { word: { case: "acknowledgement", value } };
  }

  function leave({ reason }: SessionRequest_Farewell): "over" {
    if (!key) throw unregistered("farewell");
    refuse(checkFarewell(reason));
    roster.leave(key, reason || "said goodbye");
    return "over";
  }

  return {
    isRegistered: () => key !== undefined,
    answer({ word }: SessionRequest): Answer | "over" | undefined {
      if (word.case === "registration") return begin(word.value);
      if (word.case === "heartbeat") return beat(word.value);
      if (word.case === "farewell") return leave(word.value);
      throw invalidWord("is none of registration, heartbeat and farewell: send one of them");
    },
    end(): void {
      if (key) roster.disconnect(key);
    },
  };
}

/** How often one worker is asked to beat. */
function createPace({ roster, random, ...terms }: SessionDeps) {
  let toldMs = 0;

  function tell(paceMs: number): Duration {
    toldMs = paceMs;
    return durationFromMs(jittered(paceMs, random));
  }

  return {
    begin: (): Duration => tell(paceOf(roster.upCount(), terms)),
    /** Undefined while what it was told last will do. */
    change(): Duration | undefined {
      const paceMs = paceOf(roster.upCount(), terms);
      return isWorthTelling(paceMs, toldMs) ? tell(paceMs) : undefined;
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
