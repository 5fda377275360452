import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import { toMillis } from "../../core/time.ts";
import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import type {
  RegistryService,
  SessionRequestSchema,
  SessionResponse,
  SessionResponse_Terms,
} from "../../gen/berth/v1/registry_service_pb.ts";
import type { WorkerDescription, WorkerMetrics } from "../../gen/berth/v1/worker_pb.ts";
import type { Bell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import { unavailable } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import { createWatchdog, type Watchdog } from "../../lib/watchdog.ts";
import { createDue, type Due } from "./session-due.ts";
import { type Patience, TERMS_MS_MAX } from "./session-patience.ts";

export type ConnectionDeps = Readonly<{
  client: Pick<Client<typeof RegistryService>, "session">;
  workerId: string;
  instanceId: string;
  /** Grows with each session: registries that both have one know which is over. */
  sessionNumber: bigint;
  /** Undefined when measuring failed or takes too long. */
  measure: () => Promise<WorkerMetrics | undefined>;
  /** All that the worker serves now. */
  endpoints: () => readonly Endpoint[];
  /** Grows whenever `endpoints` would answer otherwise. */
  endpointsVersion: () => number;
  /** The registry has answered a word that was sent at `sentMs` of the monotonic clock. */
  onAnswer: (sentMs: number, leaseMs: number) => void;
  patience: Patience;
  /** Rings when there may be something to say. */
  stir: Bell;
  clock: Clock;
  log: Log;
}>;

/** How long the registry may take to end the stream after a farewell. */
const FAREWELL_MS_MAX = 2_000;

/** The least time between two heartbeats, however often endpoints change. */
const GAP_MS = 100;

/** One session: what its two directions know of each other. */
type Talk = {
  /** What was agreed. Undefined until the registry has answered. */
  terms: SessionResponse_Terms | undefined;
  /** How often the registry wants to hear of the worker, as it said last. */
  intervalMs: number;
  /** When each word was sent that has not been answered; the registration is number 0. */
  readonly sent: Map<bigint, number>;
  /** Bites when the registry says nothing for too long. */
  dog: Watchdog;
  /** Notices that a heartbeat is not answered in time. */
  due: Due | undefined;
  /** Aborts when nothing more is to be said or heard. */
  readonly over: AbortController;
  /** Aborts when the worker leaves. */
  readonly leaving: AbortSignal;
};

type Deps = ConnectionDeps & Readonly<{ description: WorkerDescription }>;

/**
 * Holds one session until it is lost, or until `leaving` aborts and the farewell is said. Returns
 * why it ended.
 */
export async function holdSession(deps: Deps, leaving: AbortSignal): Promise<unknown> {
  const { client, clock, stir } = deps;
  const over = new AbortController();
  const dog = watchFor(deps, over, deps.patience.termsMs);
  const answers = { terms: undefined, sent: new Map<bigint, number>(), due: undefined };
  const talk: Talk = { ...answers, intervalMs: 0, dog, over, leaving };
  let cancelEnd: () => void = () => undefined;
  const sayFarewell = () => {
    cancelEnd = clock.after(FAREWELL_MS_MAX, () => over.abort());
    stir.ring();
  };
  leaving.addEventListener("abort", sayFarewell, { once: true });
  try {
    const words = client.session(speak(deps, talk), { signal: over.signal });
    for await (const word of words) hear(deps, talk, word);
    return unavailable("SESSION_ENDED", "the registry ended the session");
  } catch (error) {
    return over.signal.aborted ? over.signal.reason : error;
  } finally {
    talk.dog.stop();
    talk.due?.stop();
    over.abort();
    cancelEnd();
    leaving.removeEventListener("abort", sayFarewell);
  }
}

function hear(deps: Deps, talk: Talk, { word }: SessionResponse): void {
  talk.dog.kick();
  if (word.case === "terms") begin(deps, talk, word.value);
  if (word.case !== "acknowledgement") return;
  setPace(talk, word.value.interval);
  noteAnswer(deps, talk, word.value.sequence);
}

/** From the next heartbeat on. Without an interval all stays as it is. */
function setPace(talk: Talk, interval: Duration | undefined): void {
  if (interval) talk.intervalMs = Math.max(GAP_MS, toMillis(interval));
}

function begin(deps: Deps, talk: Talk, terms: SessionResponse_Terms): void {
  const { sessionId } = terms;
  const leaseMs = leaseMsOf(terms);
  deps.log.info({ sessionId, leaseMs }, "registered");
  talk.dog.stop();
  talk.dog = watchFor(deps, talk.over, leaseMs);
  talk.due = createDueFor(deps, talk, leaseMs);
  talk.terms = terms;
  talk.intervalMs = GAP_MS;
  setPace(talk, terms.interval);
  noteAnswer(deps, talk, REGISTRATION);
  deps.stir.ring();
}

/** Stands for the registration among the sequence numbers of heartbeats, which begin at 1. */
const REGISTRATION = 0n;

/** An answer to one word is one to all before it: they came over the same stream. */
function noteAnswer({ onAnswer }: Deps, { sent, terms }: Talk, sequence: bigint): void {
  const sentMs = sent.get(sequence);
  if (sentMs === undefined || !terms) return;
  for (const earlier of sent.keys()) if (earlier <= sequence) sent.delete(earlier);
  onAnswer(sentMs, leaseMsOf(terms));
}

const leaseMsOf = ({ lease }: SessionResponse_Terms) => (lease ? toMillis(lease) : TERMS_MS_MAX);

const watchFor = ({ clock }: Deps, over: AbortController, silenceMs: number) =>
  createWatchdog(clock, silenceMs, () => over.abort(silent(silenceMs)));

const createDueFor = ({ clock, patience }: Deps, { sent, over }: Talk, leaseMs: number): Due =>
  createDue({
    clock,
    limitMs: () => leaseMs * patience.answerShare(),
    oldestMs: () => sent.values().next().value,
    onOverdue: (limitMs) => over.abort(silent(limitMs)),
  });

const silent = (ms: number) =>
  unavailable("REGISTRY_SILENT", `the registry has not answered for ${ms} ms`);

type Word = MessageInitShape<typeof SessionRequestSchema>;

/** All that the worker says in one session. */
async function* speak(deps: Deps, talk: Talk): AsyncGenerator<Word, void, undefined> {
  const { workerId, instanceId, description, sessionNumber } = deps;
  talk.sent.set(REGISTRATION, deps.clock.monotonic());
  const registration = { workerId, instanceId, description, sessionNumber };
  yield { word: { case: "registration", value: registration } };
  while (!talk.terms && !isOver(talk)) await deps.stir.wait(talk.over.signal);
  if (talk.terms) yield* beat(deps, talk);
  if (talk.leaving.aborted)
    yield { word: { case: "farewell", value: { reason: "the worker stops" } } };
}

/** What the last heartbeat said, and when the next measurements are due. */
type Told = { endpointsVersion: number; dueMs: number };

/** Heartbeats: at the interval with measurements, and in between when endpoints change. */
async function* beat(deps: Deps, talk: Talk): AsyncGenerator<Word, void, undefined> {
  const { clock, stir } = deps;
  const told: Told = { endpointsVersion: -1, dueMs: clock.monotonic() };
  for (let sequence = 1n; !isOver(talk); sequence++) {
    const value = { sequence, ...(await news(deps, told, talk.intervalMs)) };
    const sentMs = clock.monotonic();
    talk.sent.set(sequence, sentMs);
    talk.due?.expect();
    yield { word: { case: "heartbeat", value } };
    while (!isOver(talk) && !hasNews(deps, told))
      await stir.wait(talk.over.signal, told.dueMs - clock.monotonic());
    const earlyMs = sentMs + GAP_MS - clock.monotonic();
    if (earlyMs > 0 && !isOver(talk)) await clock.sleep(earlyMs, talk.over.signal);
  }
}

const hasNews = ({ clock, endpointsVersion }: Deps, told: Told): boolean =>
  clock.monotonic() >= told.dueMs || endpointsVersion() !== told.endpointsVersion;

/** What a heartbeat says now: measurements if they are due, endpoints if they changed. */
async function news(deps: Deps, told: Told, intervalMs: number) {
  const isDue = deps.clock.monotonic() >= told.dueMs;
  if (isDue) told.dueMs = deps.clock.monotonic() + intervalMs;
  const metrics = isDue ? await deps.measure() : undefined;
  const version = deps.endpointsVersion();
  const isChanged = version !== told.endpointsVersion;
  told.endpointsVersion = version;
  return {
    ...(metrics && { metrics }),
    ...(isChanged && { endpoints: { endpoints: [...deps.endpoints()] } }),
  };
}

const isOver = ({ over, leaving }: Talk) => over.signal.aborted || leaving.aborted;
