import { describe, expect, test } from "@jest/globals";
import { WorkerEventKind } from "../../gen/berth/v1/registry_service_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { registryLimits } from "./limits.ts";
import { INTERVAL_MS, LEASE_MS, openPeers, type PeerRegistry } from "./test-peers.ts";
import { dial, failureOf, join, type Line, stateOf } from "./test-registry.ts";
import { registrationOf } from "./test-words.ts";

const BOTH = "r1:1,r2:1";
const endpoint = { name: "web", taskId: "t1", attempt: 1, host: "10.0.0.1", port: 80 };

/** Two registries, each with the same list of peers. */
async function openPair() {
  const world = openPeers();
  const start = (name: "r1" | "r2") => world.start(`${name}:1`, BOTH);
  const [r1, r2] = [start("r1"), start("r2")];
  await world.clock.advance(0);
  return { ...world, r1, r2, start };
}

/** Everything that watchers are told of workers from now on. */
function eventsOf({ roster }: PeerRegistry): string[] {
  const events: string[] = [];
  roster.subscribe((change) => {
    for (const { workerId, kind } of change.events)
      events.push(`${workerId} ${WorkerEventKind[kind]}`);
  });
  return events;
}

/** Beats until told to stop, as a worker does. Returns how to stop. */
function beat({ clock, signal }: PeerRegistry, line: Line): () => void {
  const stop = new AbortController();
  void (async () => {
    for (let sequence = 1n; !stop.signal.aborted; sequence++) {
      line.say({ case: "heartbeat", value: { sequence } });
      await line.next().catch(() => stop.abort());
      await clock.sleep(INTERVAL_MS, AbortSignal.any([stop.signal, signal]));
    }
  })();
  return () => stop.abort();
}

async function joinAgain(registry: PeerRegistry, sessionNumber: bigint) {
  const line = dial(registry);
  line.say({ case: "registration", value: registrationOf("w1", { sessionNumber }) });
  expect(await line.next()).toMatchObject({ case: "terms" });
  return line;
}

describe("registries that know each other", () => {
  test("each tell of all workers, and of what they serve", async () => {
    const { clock, r1, r2 } = await openPair();
    const line = await join(r1, "w1");
    await join(r2, "w2");
    line.say({ case: "heartbeat", value: { sequence: 1n, endpoints: { endpoints: [endpoint] } } });
    await line.next();
    await clock.advance(0);
    for (const registry of [r1, r2]) {
      const { workers } = await registry.client.listWorkers({});
      expect(workers.map(({ workerId }) => workerId)).toEqual(["w1", "w2"]);
      const { endpoints } = await registry.client.resolveName({ name: "web" });
      expect(endpoints).toMatchObject([endpoint]);
    }
    line.say({ case: "farewell", value: { reason: "bye" } });
    await line.next();
    await clock.advance(0);
    expect(await stateOf(r2, "w1")).toBe("LEFT");
    expect((await r2.client.resolveName({ name: "web" })).endpoints).toEqual([]);
  });

  test("learn who was there before they began", async () => {
    const { clock, r1, r2, start } = await openPair();
    const stop = beat(r1, await join(r1, "w1"));
    r2.kill();
    await clock.advance(0);
    const again = start("r2");
    await clock.advance(0);
    expect(await stateOf(again, "w1")).toBe("UP");
    stop();
  });

  test("tell nobody that a worker is down when its registry dies and it goes to another", async () => {
    const { clock, r1, r2 } = await openPair();
    const events = eventsOf(r2);
    beat(r1, await joinAgain(r1, 1n));
    await clock.advance(3 * LEASE_MS + registryLimits.peerGatherMs);
    r1.kill();
    await clock.advance(LEASE_MS - INTERVAL_MS);
    const stop = beat(r2, await joinAgain(r2, 2n));
    await clock.advance(3 * LEASE_MS);
    expect(events).toEqual(["w1 JOINED", "w1 UP"]);
    stop();
  });

  test("call a worker down a lease after its registry, which died, has heard it", async () => {
    const { clock, r1, r2 } = await openPair();
    beat(r1, await join(r1, "w1"));
    await clock.advance(10 * INTERVAL_MS + registryLimits.peerGatherMs);
    r1.kill();
    await clock.advance(LEASE_MS - INTERVAL_MS);
    expect(await stateOf(r2, "w1")).toBe("UP");
    await clock.advance(2 * INTERVAL_MS);
    expect(await stateOf(r2, "w1")).toBe("DOWN");
  });

  test("end the older session of a worker that came to another of them", async () => {
    const { clock, r1, r2 } = await openPair();
    const older = await joinAgain(r1, 1n);
    await clock.advance(0);
    await joinAgain(r2, 2n);
    const end = failureOf(older.next());
    await clock.advance(0);
    expect(reasonOf(await end)).toBe("SESSION_SUPERSEDED");
    expect(await stateOf(r1, "w1")).toBe("UP");
  });

  test("refuse a clone wherever its holder is", async () => {
    const { clock, r1, r2 } = await openPair();
    beat(r1, await join(r1, "w1", "i1"));
    await clock.advance(0);
    const clone = dial(r2);
    clone.say({ case: "registration", value: registrationOf("w1", { instanceId: "i2" }) });
    expect(reasonOf(await failureOf(clone.next()))).toBe("DUPLICATE_WORKER");
  });

  test("that could not reach each other settle which of two clones stays", async () => {
    const { clock, start, cut } = openPeers();
    cut.add("r1:1 r2:1").add("r2:1 r1:1");
    const [r1, r2] = [start("r1:1", BOTH), start("r2:1", BOTH)];
    beat(r1, await join(r1, "w1", "i1"));
    await clock.advance(1);
    const clone = await join(r2, "w1", "i2");
    await clock.advance(LEASE_MS - INTERVAL_MS);
    cut.clear();
    const end = failureOf(clone.next());
    await clock.advance(INTERVAL_MS);
    expect(reasonOf(await end)).toBe("DUPLICATE_WORKER");
    const [holder] = r1.roster.list();
    expect(r2.roster.list()).toMatchObject([{ sessionId: holder?.sessionId }]);
  });

  test("take the peer's word through a pause of their own", async () => {
    const { clock, r1, r2 } = await openPair();
    const events = eventsOf(r2);
    beat(r1, await join(r1, "w1"));
    await clock.advance(LEASE_MS);
    r2.roster.forgive(LEASE_MS);
    r1.kill();
    await clock.advance(LEASE_MS + INTERVAL_MS);
    expect(events).toEqual(["w1 JOINED", "w1 UP"]);
  });
});

describe("a registry that has just begun", () => {
  test("does not call its list complete before its workers have had a lease to register", async () => {
    const { clock, r1 } = await openPair();
    const watch = r1.client.watchWorkers({}, { signal: r1.signal })[Symbol.asyncIterator]();
    expect((await watch.next()).value?.complete).toBe(false);
    let complete: boolean | undefined = false;
    for (let ms = 0; ms < LEASE_MS; ms += registryLimits.pulseMs) {
      expect(complete).toBe(false);
      const next = watch.next();
      await clock.advance(registryLimits.pulseMs);
      complete = (await next).value?.complete;
    }
    expect(complete).toBe(true);
  });
});
