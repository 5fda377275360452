import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { createRouterTransport } from "@connectrpc/connect";
import { afterEach } from "@jest/globals";
import type { Endpoint } from "../../gen/berth/v1/endpoint_pb.ts";
import {
  RegistryService,
  type SessionRequest,
  type SessionResponseSchema,
} from "../../gen/berth/v1/registry_service_pb.ts";
import {
  WorkerDescriptionSchema,
  type WorkerMetrics,
  WorkerMetricsSchema,
} from "../../gen/berth/v1/worker_pb.ts";
import { alreadyExists } from "../../lib/errors.ts";
import { openGate } from "../../lib/gate.ts";
import type { Log } from "../../lib/log.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import type { Contact } from "../../lib/rpc/contacts.ts";
import { createSession } from "./session.ts";

export const LEASE_MS = 15_000;
export const INTERVAL_MS = 5_000;

type Mood = "answers" | "is silent" | "ignores heartbeats" | "knows a duplicate" | "hangs up";

const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

type Registry = {
  mood: Mood;
  /** What was heard, session by session. */
  readonly sessions: SessionRequest[][];
  advice: { retryMs?: number };
  /** What every answer to a heartbeat waits for. */
  hold: Promise<void>;
  /** Whether the worker believes that there are others. */
  hasChoice: boolean;
  /** How often answers to heartbeats ask for the next ones. */
  paceMs?: number;
};

type Answer = MessageInitShape<typeof SessionResponseSchema>;

async function react(registry: Registry, { word }: SessionRequest): Promise<Answer[] | "hang up"> {
  const { mood, advice, hold } = registry;
  if (mood === "knows a duplicate")
    throw alreadyExists("DUPLICATE_WORKER", "somebody else is w1", advice);
  if (mood === "hangs up") return "hang up";
  if (mood === "is silent") return [];
  if (word.case === "farewell") return "hang up";
  if (word.case === "registration") return [{ word: { case: "terms", value: terms } }];
  if (word.case !== "heartbeat" || mood !== "answers") return [];
  await hold;
  const { paceMs } = registry;
  const interval = paceMs === undefined ? {} : { interval: durationFromMs(paceMs) };
  const { sequence } = word.value;
  return [{ word: { case: "acknowledgement", value: { sequence, ...interval } } }];
}

/** A registry in memory that writes down what it hears. */
function createRegistry() {
  const registry: Registry = {
    mood: "answers",
    sessions: [],
    advice: {},
    hasChoice: false,
    hold: Promise.resolve(),
  };
  const transport = createRouterTransport((router) =>
    router.service(RegistryService, {
      async *session(words) {
        const heard: SessionRequest[] = [];
        registry.sessions.push(heard);
        for await (const request of words) {
          heard.push(request);
          const answer = await react(registry, request);
          if (answer === "hang up") return;
          yield* answer;
        }
      },
    }),
  );
  const connections: { isClosed: boolean }[] = [];
  const connect = async (): Promise<Contact> => {
    const connection = { isClosed: false };
    connections.push(connection);
    const close = () => {
      connection.isClosed = true;
    };
    const { hasChoice } = registry;
    return { channel: { ...transport, address: "memory", close }, hasChoice };
  };
  return { registry, connections, registries: { next: connect, again: connect } };
}

const terms = {
  sessionId: "s1",
  lease: durationFromMs(LEASE_MS),
  interval: durationFromMs(INTERVAL_MS),
};

/** A worker's session with a registry in memory, on a clock that a test moves. */
export function sessionWorld(log: Log = silentLog) {
  const { registry, connections, registries } = createRegistry();
  const clock = createManualClock();
  const served: Endpoint[] = [];
  const answers: { sentMs: number; leaseMs: number }[] = [];
  const machine = { measure: async (): Promise<WorkerMetrics> => create(WorkerMetricsSchema) };
  const session = createSession({
    registries,
    workerId: "w1",
    describe: async () => create(WorkerDescriptionSchema, { hostname: "box" }),
    measure: () => machine.measure(),
    endpoints: () => served,
    gate: openGate,
    onAnswer: (sentMs, leaseMs) => void answers.push({ sentMs, leaseMs }),
    clock,
    random: createSeededRandom(1),
    log,
  });
  const life = new AbortController();
  lives.push(life);
  const run = () => session.run(life.signal);
  const heartbeats = (index = 0) =>
    (registry.sessions[index] ?? []).flatMap(({ word }) =>
      word.case === "heartbeat" ? [word.value] : [],
    );
  return { registry, connections, clock, served, answers, machine, session, run, life, heartbeats };
}
