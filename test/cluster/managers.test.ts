import type { Client } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { reasonOf, retryMsOf } from "../../lib/errors.ts";
import type { Running } from "../../lib/lifecycle.ts";
import { silentLog } from "../../lib/log.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { type Channel, openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { startSharedManager } from "../../services/manager/shared-manager.ts";
import { createFakePortProbes } from "../../services/worker/prober-fake.ts";
import { type Access, createSimulatedStore, type SimulatedStore } from "../../sim/shared-store.ts";
import { aSpec } from "../builders.ts";
import { createFastClock } from "./fast-clock.ts";

/** A second of this machine's time: one that is busy must not make leaders change. */
const TTL_MS = 10_000;

type Member = Readonly<{
  manager: Running;
  access: Access;
  channel: Channel;
  client: Client<typeof ManagerService>;
}>;

let clock: Clock;
let store: SimulatedStore;
let members: Member[];

beforeEach(() => {
  clock = createFastClock();
  store = createSimulatedStore({ clock, ttlMs: TTL_MS, limits: { operations: 20, bytes: 1e6 } });
  members = [];
});
afterEach(async () => {
  for (const { access, channel, manager } of members) {
    access.setCut(false);
    channel.close();
    await manager.stop();
  }
});

async function start(): Promise<Member> {
  const access = store.open(clock);
  const log = silentLog;
  const config = {
    ...{ listen: "127.0.0.1:0", registryAddress: "127.0.0.1:1" },
    ...{ defaultScheduler: "spread", version: "test", advertise: undefined },
  };
  const manager = await startSharedManager(config, {
    ...{ wire: socketWire, shared: access.shared, clock, log },
    random: createSeededRandom(members.length + 1),
    probes: createFakePortProbes(() => []),
  });
  const channel = openChannel({ address: manager.address, clock, log, timeoutMs: 60_000 });
  const member = { manager, access, channel, client: createClient(ManagerService, channel) };
  members.push(member);
  return member;
}

const submit = (client: Client<typeof ManagerService>, name: string) =>
  client.submitTask({ spec: aSpec({}, name), requestId: `request-${name}` });

const leads = async (address: string) => {
  while (store.leader() !== address) await clock.sleep(10);
};

const named = async ({ client }: Member) =>
  (await client.listTasks({})).tasks.map(({ spec }) => spec?.name);

test("whoever is asked, a task is submitted by the one that leads and seen by all", async () => {
  const [first, second] = [await start(), await start()];
  await leads(first.manager.address);
  const { task } = await submit(second.client, "a");
  expect(task?.state).toBe(TaskState.PENDING);
  await submit(first.client, "b");
  expect(await named(second)).toEqual(["a", "b"]);
  expect(await named(first)).toEqual(["a", "b"]);
});

test("what one leader acknowledged is there under the next, and a repetition does nothing", async () => {
  const [first, second] = [await start(), await start()];
  await leads(first.manager.address);
  const before = await submit(first.client, "a");
  await first.manager.stop();
  await leads(second.manager.address);
  const again = await submit(second.client, "a");
  expect(again.task?.id).toBe(before.task?.id);
  const { cluster } = await second.client.getCluster({});
  expect(cluster?.epoch).toBeGreaterThan(1n);
  await submit(second.client, "b");
  expect(await named(second)).toEqual(["a", "b"]);
});

test("a leader that is cut off from the store gives up, reads on, and comes back", async () => {
  const first = await start();
  await leads(first.manager.address);
  await submit(first.client, "a");
  first.access.setCut(true);
  while (store.leader() !== undefined) await clock.sleep(10);

  let headers = new Headers();
  const onHeader = (received: Headers) => {
    headers = received;
  };
  const { tasks, revision } = await first.client.listTasks({}, { onHeader });
  expect(tasks.map(({ spec }) => spec?.name)).toEqual(["a"]);
  expect(headers.get("berth-revision")).toBe(String(revision));
  expect(Number(headers.get("berth-stale-ms"))).toBeGreaterThan(0);
  const refusal = await submit(first.client, "b").catch((error: unknown) => error);
  expect(reasonOf(refusal)).toBe("NO_LEADER");
  expect(retryMsOf(refusal)).toBeGreaterThan(0);

  first.access.setCut(false);
  await leads(first.manager.address);
  await submit(first.client, "b");
  expect(await named(first)).toEqual(["a", "b"]);
});

test("what a leader that was cut off had not written is not there when it comes back", async () => {
  const [first, second] = [await start(), await start()];
  await leads(first.manager.address);
  await submit(first.client, "a");
  first.access.setCut(true);
  const lost = submit(first.client, "b").catch((error: unknown) => error);
  await leads(second.manager.address);
  await submit(second.client, "c");
  expect(reasonOf(await lost)).toBe("LEADERSHIP_LOST");
  expect(retryMsOf(await lost)).toBeGreaterThan(0);
  first.access.setCut(false);
  expect(await named(second)).toEqual(["a", "c"]);
  while ((await named(first)).length !== 2) await clock.sleep(10);
  expect(await named(first)).toEqual(["a", "c"]);
  const after = await submit(first.client, "b");
  expect(after.task?.spec?.name).toBe("b");
});

test("a watch that one manager ended is resumed at another, and misses nothing", async () => {
  const [first, second] = [await start(), await start()];
  await leads(first.manager.address);
  await submit(first.client, "a");
  const seen = new Set<string>();
  const revisions: bigint[] = [];
  let after: bigint | undefined;
  const watch = async ({ client }: Member, until: number) => {
    const request = after === undefined ? {} : { afterRevision: after };
    for await (const { changes, revision } of client.watchTasks(request)) {
      for (const { task, event } of changes) {
        seen.add(task?.spec?.name ?? "");
        if (event) revisions.push(event.revision);
      }
      after = revision;
      if (seen.size >= until) return;
    }
  };
  await watch(second, 1);
  const firstRevision = after ?? 0n;
  await submit(first.client, "b");
  const watching = watch(first, 99).catch((error: unknown) => error);
  while (seen.size < 2) await clock.sleep(10);
  await first.manager.stop();
  await watching;
  await leads(second.manager.address);
  await submit(second.client, "c");
  await watch(second, 3);
  expect([...seen]).toEqual(["a", "b", "c"]);
  expect(revisions).toEqual(revisions.map((_, index) => firstRevision + BigInt(index) + 1n));
});
