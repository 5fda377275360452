import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { RegistryService } from "../../gen/berth/v1/registry_service_pb.ts";
import { Role, type WorkerPresence, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { createContacts } from "../../lib/rpc/contacts.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { runRegistryWatch } from "../../services/manager/registry-watch.ts";
import { createRegistryWord } from "../../services/manager/registry-word.ts";
import { createWorkerTable } from "../../services/manager/worker-table.ts";
import { startRegistry } from "../../services/registry/registry.ts";
import { startHollowWorkers } from "../../services/worker/hollow-workers.ts";
import { openRelay, type Relay } from "./relay.ts";

/** A lease that no machine is too slow for: nothing here may end by it. */
const TERMS = { leaseMs: 120_000, intervalMs: 500 };
const COUNT = 6;

const deps = {
  wire: socketWire,
  clock: systemClock,
  random: createSeededRandom(1),
  log: silentLog,
};

/** A registry behind an address that stays, and a way to end it in the middle of a word. */
type Place = { readonly relay: Relay; registry: Running };

let places: readonly [Place, Place];
let stops: (() => unknown)[];

beforeEach(async () => {
  stops = [];
  const relays = [await openRelay(), await openRelay()] as const;
  const [first, second] = relays;
  const peers = `${first.address},${second.address}`;
  places = [
    { relay: first, registry: await begin(first, peers) },
    { relay: second, registry: await begin(second, peers) },
  ];
});
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
  for (const { relay, registry } of places) {
    await registry.stop();
    relay.close();
  }
});

async function begin(relay: Relay, peers: string): Promise<Running> {
  const registry = await startRegistry({ listen: "127.0.0.1:0", peers, ...TERMS }, deps);
  relay.leadTo(registry.address);
  relay.unblock();
  return registry;
}

async function kill({ relay, registry }: Place): Promise<void> {
  relay.block();
  await registry.stop();
}

async function startWorkers(registryAddress: string): Promise<void> {
  const offer = { labels: {}, capacity: {}, allowHostNetwork: false, roles: [Role.WORKER] };
  const listen = "127.0.0.1:0";
  const facts = { ...offer, version: "0.0.0", registryAddress, listen, idPrefix: "w" };
  const workers = await startHollowWorkers({ ...facts, count: COUNT }, deps);
  stops.push(workers.stop);
}

/** What a manager that watches these registries believes, and whatever it was told but "up". */
function watchAs(registryAddress: string) {
  const workers = createWorkerTable();
  const word = createRegistryWord(systemClock);
  const control = new AbortController();
  const registries = createContacts(registryAddress, deps);
  const ended = runRegistryWatch({ ...deps, workers, word, registries }, control.signal);
  stops.push(() => {
    control.abort();
    return ended;
  });
  const troubles: string[] = [];
  workers.subscribe(({ workerId, presence: { state, reason } }) => {
    if (state !== WorkerState.UP) troubles.push(`${workerId} ${WorkerState[state]}: ${reason}`);
  });
  return { presences: () => workers.all().map(({ presence }) => presence), troubles };
}

async function listOf({ relay }: Place): Promise<readonly WorkerPresence[]> {
  const channel = openChannel({ ...deps, address: relay.address });
  try {
    return (await createClient(RegistryService, channel).listWorkers({})).workers;
  } finally {
    channel.close();
  }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemClock.sleep(20);
}

const sessionsOf = (presences: readonly WorkerPresence[]) =>
  new Set(presences.map(({ sessionId }) => sessionId));

test("a manager never hears that a worker is down while registries die in turn and come back", async () => {
  const [first, second] = places;
  const both = `${first.relay.address},${second.relay.address}`;
  await startWorkers(both);
  const { presences, troubles } = watchAs(`${second.relay.address},${first.relay.address}`);
  await until(() => presences().length === COUNT);

  for (const [dying, staying] of [
    [first, second],
    [second, first],
  ] as const) {
    const before = sessionsOf(await listOf(dying));
    expect(before.size).toBe(COUNT);
    await kill(dying);
    await until(() => presences().every(({ sessionId }) => !before.has(sessionId)));
    dying.registry = await begin(dying.relay, both);
    // Back again it knows what the other one holds.
    await until(async () => {
      const sessions = sessionsOf(await listOf(dying));
      return (await listOf(staying)).every(({ sessionId }) => sessions.has(sessionId));
    });
  }
  expect(troubles).toEqual([]);
});
