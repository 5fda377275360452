import { afterEach, expect, test } from "@jest/globals";
import { type BerthClient, createBerthClient } from "../../client/client.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { startSharedManager } from "../../services/manager/shared-manager.ts";
import { createFakePortProbes } from "../../services/worker/prober-fake.ts";
import { type Access, createSimulatedStore } from "../../sim/shared-store.ts";
import { aSpec } from "../builders.ts";
import { createFastClock } from "./fast-clock.ts";

// Managers that take turns over one store, in this process, over real sockets.

const TTL_MS = 10_000;
const clock = createFastClock();
const random = createSeededRandom(7);

type Member = Readonly<{ manager: Running; access: Access }>;

let members: Member[] = [];
afterEach(async () => {
  for (const { access, manager } of members) {
    access.setCut(false);
    await manager.stop();
  }
  members = [];
});

async function startManagers() {
  const limits = { operations: 20, bytes: 1e6 };
  const store = createSimulatedStore({ clock, ttlMs: TTL_MS, limits });
  async function start(): Promise<Member> {
    const access = store.open(clock);
    const config = {
      ...{ listen: "127.0.0.1:0", registryAddress: "127.0.0.1:1" },
      ...{ defaultScheduler: "spread", version: "test", advertise: undefined },
    };
    const probes = createFakePortProbes(() => []);
    const deps = { wire: socketWire, shared: access.shared, clock, log: silentLog, random, probes };
    const member = { manager: await startSharedManager(config, deps), access };
    members.push(member);
    return member;
  }
  const leader = await start();
  while (store.leader()?.name !== leader.manager.address) await clock.sleep(10);
  return { leader, standby: await start(), store };
}

const clientOf = (...all: readonly Member[]): BerthClient =>
  createBerthClient(
    { addresses: all.map(({ manager }) => manager.address), retryMs: 300_000 },
    { clock, random },
  );

async function submit(client: BerthClient, name: string): Promise<string> {
  const { task } = await client.submitTask({ spec: aSpec({}, name) });
  return task?.id ?? "";
}

/** Follows until a task is told of. `heard` is what the watch said on the way. */
function follow(client: BerthClient, name: string) {
  const heard: string[] = [];
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  async function run(): Promise<void> {
    for await (const word of client.watchTasks()) {
      heard.push(word.kind === "stale" ? `stale ${word.error.reason}` : word.kind);
      begin();
      const tasks = word.kind === "listed" ? word.tasks : [];
      const changed = word.kind === "changed" ? word.changes.map(({ task }) => task) : [];
      if ([...tasks, ...changed].some((task) => task?.spec?.name === name)) return;
    }
  }
  return { heard, begun, ended: run() };
}

test("a watch and a submit outlive the end of the manager that led", async () => {
  const { leader, standby } = await startManagers();
  const client = clientOf(leader, standby);
  await submit(client, "a");
  const { heard, begun, ended } = follow(client, "b");
  await begun;
  await leader.manager.stop();
  await submit(client, "b");
  await ended;
  expect(heard[0]).toBe("listed");
  expect((await client.listTasks({})).tasks.length).toBe(2);
}, 60_000);

test("a watch at a manager that loses its store says so and goes on at the other", async () => {
  const { leader, standby } = await startManagers();
  const client = clientOf(standby, leader);
  await submit(client, "a");
  const { heard, begun, ended } = follow(client, "b");
  await begun;
  standby.access.setCut(true);
  await submit(clientOf(leader), "b");
  await ended;
  expect(heard).toContain("stale STORE_UNAVAILABLE");
}, 60_000);

test("where all managers have lost the store, the watch tells what they know and that it is old", async () => {
  const { leader, standby } = await startManagers();
  const client = clientOf(leader, standby);
  await submit(client, "a");
  for (const { access } of [leader, standby]) access.setCut(true);
  const words: string[] = [];
  for await (const { kind } of client.watchTasks()) {
    words.push(kind);
    if (words.filter((word) => word === "stale").length > 5) break;
  }
  expect(words).toContain("listed");
  expect(words.slice(words.indexOf("stale"))).not.toContain("current");
}, 60_000);
