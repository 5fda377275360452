import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Client,
  ConnectError,
  createRouterTransport,
  type Transport,
} from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect } from "@jest/globals";
import {
  RegistryService,
  type SessionRequestSchema,
  type SessionResponse_Terms,
} from "../../gen/berth/v1/registry_service_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { createMailbox } from "../../lib/mailbox.ts";
import { createManualClock, type ManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { startRpcServer } from "../../lib/rpc/server.ts";
import { mountService } from "../../lib/rpc/service-mount.ts";
import { createStop } from "../../lib/stop.ts";
import { createRegistryHandlers } from "./handlers.ts";
import { runLeaseLoop } from "./lease-loop.ts";
import { createRoster, type Roster } from "./roster.ts";
import { registrationOf } from "./test-words.ts";

export const LEASE_MS = 15_000;
const INTERVAL_MS = 5_000;

type Handlers = ReturnType<typeof createRegistryHandlers>;
type Wire = Readonly<{ transport: Transport; close: () => Promise<void> }>;
export type Word = NonNullable<MessageInitShape<typeof SessionRequestSchema>["word"]>;

/** A registry whose time stands still, and a client of it. */
export type TestRegistry = Readonly<{
  clock: ManualClock;
  roster: Roster;
  client: Client<typeof RegistryService>;
  /** Aborts when the test is over. */
  signal: AbortSignal;
  close: () => Promise<void>;
}>;

const wires = [
  ["in memory", openMemory],
  ["over gRPC", openGrpc],
] as const;

/** Describes the service on both wires; `registry` gives a new one in each test. */
export function describeRegistry(what: string, describeIt: (registry: () => TestRegistry) => void) {
  describe.each(wires)(`${what} %s`, (_wire, openWire) => {
    let registry: TestRegistry;
    beforeEach(async () => {
      registry = await openRegistry(openWire);
    });
    afterEach(() => registry.close());
    describeIt(() => registry);
  });
}

async function openRegistry(
  openWire: (handlers: Handlers) => Promise<Wire>,
): Promise<TestRegistry> {
  const deps = { clock: createManualClock(), random: createSeededRandom(7), log: silentLog };
  const { clock } = deps;
  const control = createStop();
  const roster = createRoster(deps, LEASE_MS);
  const leases = runLeaseLoop({ roster, clock, leaseMs: LEASE_MS }, control.signal);
  const identity = { registryId: "r1", isSettled: () => true };
  const terms = { leaseMs: LEASE_MS, intervalMs: INTERVAL_MS, ...identity };
  const wire = await openWire(createRegistryHandlers({ ...deps, ...terms, roster }));
  return {
    clock,
    roster,
    client: createClient(RegistryService, wire.transport),
    signal: control.signal,
    async close() {
      control.abort();
      await leases;
      await wire.close();
    },
  };
}

async function openMemory(handlers: Handlers): Promise<Wire> {
  const transport = createRouterTransport((router) => router.service(RegistryService, handlers));
  return { transport, close: async () => undefined };
}

async function openGrpc(handlers: Handlers): Promise<Wire> {
  const local = { clock: systemClock, log: silentLog };
  const mounts = [mountService(RegistryService, handlers)];
  const server = await startRpcServer({ listen: "127.0.0.1:0", mounts, ...local });
  const channel = openChannel({ address: server.address, ...local });
  return {
    transport: channel,
    async close() {
      channel.close();
      await server.stop(100);
    },
  };
}

/** A worker's end of a session. */
export interface Line {
  say(word: Word): void;
  /** The registry's next word; undefined when it has ended the session. */
  next(): Promise<unknown>;
  hangUp(): void;
}

/** Opens a session and says nothing yet. */
export function dial({ client, signal }: TestRegistry): Line {
  const words = createMailbox<{ word: Word }>({ clock: systemClock, limit: 1_000 });
  const hangUp = new AbortController();
  async function* outgoing() {
    for await (const batch of words.read(signal)) yield* batch;
  }
  const answers = client.session(outgoing(), { signal: hangUp.signal })[Symbol.asyncIterator]();
  return {
    say: (word) => words.post({ word }),
    next: async () => {
      const answer = await answers.next();
      return answer.done ? undefined : answer.value.word;
    },
    hangUp: () => hangUp.abort(),
  };
}

/** Opens a session and registers. Throws what the registry answers instead of terms. */
export async function join(
  registry: TestRegistry,
  workerId: string,
  instanceId = "i1",
): Promise<Line & { terms: SessionResponse_Terms }> {
  const line = dial(registry);
  line.say({ case: "registration", value: registrationOf(workerId, { instanceId }) });
  const word = await line.next();
  expect(word).toMatchObject({ case: "terms" });
  return { ...line, terms: (word as { value: SessionResponse_Terms }).value };
}

export async function stateOf({ client }: TestRegistry, workerId: string): Promise<string> {
  const { workers } = await client.listWorkers({});
  return WorkerState[workers.find((worker) => worker.workerId === workerId)?.state ?? 0] ?? "";
}

export const failureOf = (promise: Promise<unknown>): Promise<ConnectError> =>
  promise.then(
    () => {
      throw new Error("it succeeded");
    },
    (error: unknown) => ConnectError.from(error),
  );

export const fieldsOf = (error: ConnectError): string[] =>
  error.findDetails(BadRequestSchema).flatMap((d) => d.fieldViolations.map(({ field }) => field));

/** Waits for what the other side of the wire does in its own turns. */
export async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 5_000 && !holds(); i++) await systemClock.turn();
  expect(holds()).toBe(true);
}
