import { type Client, Code, ConnectError } from "@connectrpc/connect";
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
import { createStop, whenAborted } from "../../lib/stop.ts";
import type { SharedStore } from "../../lib/store/shared-store.ts";
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

async function start(through = (shared: SharedStore) => shared): Promise<Member> {
  const access = store.open(clock);
  const log = silentLog;
  const config = {
    ...{ listen: "127.0.0.1:0", registryAddress: "127.0.0.1:1" },
    ...{ defaultScheduler: "spread", version: "test", advertise: undefined },
  };
  const manager = await startSharedManager(config, {
    ...{ wire: socketWire, shared: through(access.shared), clock, log },
    random: createSeededRandom(members.length + 1),
    probes: createFakePortProbes(() => []),
  });
  const channel = openChannel({ address: manager.address, clock, log, timeoutMs: 60_000 });
  const member = { manager, access, channel, client: createClient(ManagerService, channel) };
  members.push(member);
  return member;
}

/** Calls until it is answered, as a client does: on a busy machine leases and waits may pass by. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (;;)
    try {
      return await call();
    } catch (error) {
      if (ConnectError.from(error).code !== Code.Unavailable) throw error;
      await clock.sleep(50);
    }
}

const submitOnce = ({ client }: Member, name: string) =>
  client.submitTask({ spec: aSpec({}, name), requestId: `request-${name}` });

const submit = (member: Member, name: string) => insist(() => submitOnce(member, name));

const leads = async (address: string) => {
  while (store.leader()?.name !== address) await clock.sleep(10);
};

async function list({ client }: Member) {
  let headers = new Headers();
  const onHeader = (received: Headers) => {
    headers = received;
  };
  const answer = await insist(() => client.listTasks({}, { onHeader }));
  const names = answer.tasks.map(({ spec }) => spec?.name);
  return { names, revision: answer.revision, headers };
}

/** As of now: whoever says that it may be behind is asked again. */
async function named(member: Member): Promise<readonly (string | undefined)[]> {
  for (;;) {
    const { names, headers } = await list(member);
    if (!headers.has("berth-stale-ms")) return names;
    await clock.sleep(10);
  }
}

/** Of a write, once the manager knows that nobody leads. */
async function refusalOf(member: Member): Promise<unknown> {
  for (;;) {
    const refusal = await submitOnce(member, "refused").catch((error: unknown) => error);
    if (reasonOf(refusal) === "NO_LEADER") return refusal;
    await clock.sleep(10);
  }
}

test("whoever is asked, a task is submitted by the one that leads and seen by all", async () => {
  const [first, second] = [await start(), await start()];
  await leads(first.manager.address);
  const { task } = await submit(second, "a");
  expect(task?.state).toBe(TaskState.PENDING);
  await submit(first, "b");
  expect(await named(second)).toEqual(["a", "b"]);
  expect(await named(first)).toEqual(["a", "b"]);
  for (const { client } of members)
    expect((await insist(() => client.getCluster({}))).cluster?.leader).toBe(first.manager.address);
});

test("by plain HTTP, too, a submit is passed on and a read names its revision", async () => {
  const [first, second] = [await start(), await start()];
  await leads(first.manager.address);
  const url = `http://${second.manager.address}/tasks`;
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ requestId: "by-http", spec: { name: "a", image: "web:1" } });
  const submitted = await insist(() => answered(fetch(url, { method: "POST", headers, body })));
  expect(submitted.status).toBe(200);
  const listed = await insist(() => answered(fetch(`${url}?name=a`)));
  expect(await listed.json()).toMatchObject({ tasks: [{ spec: { name: "a" } }] });
  expect(listed.headers.get("berth-revision")).toMatch(/^[0-9]+$/);
  // Whoever waits ends first: nobody has to lead for a moment.
  members.reverse();
});

/** What `insist` asks for again fails. */
async function answered(asked: Promise<Response>): Promise<Response> {
  const answer = await asked;
  if (answer.status === 503) throw new ConnectError("not now", Code.Unavailable);
  return answer;
}

test("what one leader acknowledged is there under the next, and a repetition does nothing", async () => {
  const [first, second] = [await start(), await start()];
  await leads(first.manager.address);
  const before = await submit(first, "a");
  await first.manager.stop();
  await leads(second.manager.address);
  const again = await submit(second, "a");
  expect(again.task?.id).toBe(before.task?.id);
  const { cluster } = await insist(() => second.client.getCluster({}));
  expect(cluster?.epoch).toBeGreaterThan(1n);
  await submit(second, "b");
  expect(await named(second)).toEqual(["a", "b"]);
});

test("what a copy has not heard of yet when it is to lead is there once it answers", async () => {
  const ears = createEars();
  const first = await start();
  const second = await start(ears.of);
  await leads(first.manager.address);
  await named(second);
  const open = ears.close();
  await submit(first, "a");
  await first.manager.stop();
  await leads(second.manager.address);
  const names = named(second);
  await clock.sleep(500);
  open();
  expect(await names).toEqual(["a"]);
});

test("a manager whose copy is behind does not say that something is not there", async () => {
  const ears = createEars();
  const first = await start();
  const second = await start(ears.of);
  await leads(first.manager.address);
  await named(second);
  const open = ears.close();
  const { task } = await submit(first, "a");
  const get = () => second.client.getTask({ taskId: task?.id ?? "" });
  const refusal = await get().catch((error: unknown) => error);
  expect(reasonOf(refusal)).toBe("STORE_UNAVAILABLE");
  open();
  expect((await insist(get)).task?.id).toBe(task?.id);
});

/** Of a store, whose changes are heard of only while they are open. */
function createEars() {
  let opened = Promise.resolve();
  return {
    of: (shared: SharedStore): SharedStore => ({
      ...shared,
      async *watch(prefix, after, signal) {
        for await (const changes of shared.watch(prefix, after, signal)) {
          await Promise.race([opened, whenAborted(signal)]);
          if (signal.aborted) return;
          yield changes;
        }
      },
    }),
    /** Returns what opens them. */
    close(): () => void {
      const shut = createStop();
      opened = whenAborted(shut.signal);
      return () => shut.abort();
    },
  };
}

test("a leader that is cut off from the store gives up, reads on, and comes back", async () => {
  const first = await start();
  await leads(first.manager.address);
  await submit(first, "a");
  first.access.setCut(true);
  while (store.leader() !== undefined) await clock.sleep(10);

  const { names, revision, headers } = await list(first);
  expect(names).toEqual(["a"]);
  expect(headers.get("berth-revision")).toBe(String(revision));
  expect(Number(headers.get("berth-stale-ms"))).toBeGreaterThan(0);
  expect(retryMsOf(await refusalOf(first))).toBeGreaterThan(0);

  first.access.setCut(false);
  await leads(first.manager.address);
  await submit(first, "b");
  expect(await named(first)).toEqual(["a", "b"]);
});

test("what a leader that was cut off did not acknowledge is not there when it comes back", async () => {
  const [first, second] = [await start(), await start()];
  await leads(first.manager.address);
  await submit(first, "a");
  first.access.setCut(true);
  const lost = submitOnce(first, "b").catch((error: unknown) => error);
  await leads(second.manager.address);
  await submit(second, "c");
  const outcome = await lost;
  // It may have noticed before it was asked, and passed the call on.
  const isRefused = outcome instanceof Error;
  if (isRefused) expect(retryMsOf(outcome)).toBeGreaterThan(0);
  first.access.setCut(false);
  const expected = isRefused ? ["a", "c"] : ["a", "b", "c"];
  expect((await named(second)).toSorted()).toEqual(expected);
  expect((await named(first)).toSorted()).toEqual(expected);
  const after = await submit(first, "b");
  expect(after.task?.spec?.name).toBe("b");
});

test("a watch that one manager ended is resumed at another, and misses nothing", async () => {
  const [first, second] = [await start(), await start()];
  await leads(first.manager.address);
  await submit(first, "a");
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
  await insist(() => watch(second, 1));
  const firstRevision = after ?? 0n;
  await submit(first, "b");
  const watching = watch(first, 99).catch((error: unknown) => error);
  while (seen.size < 2) await clock.sleep(10);
  await first.manager.stop();
  await watching;
  await leads(second.manager.address);
  await submit(second, "c");
  await insist(() => watch(second, 3));
  expect([...seen]).toEqual(["a", "b", "c"]);
  expect(revisions).toEqual(revisions.map((_, index) => firstRevision + BigInt(index) + 1n));
});
