import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { Lease } from "../../gen/etcdserverpb/rpc_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { keysOf, put } from "../../lib/store/conformance/conformance-words.ts";
import type { EtcdClient } from "../../lib/store/etcd/etcd-client.ts";
import { campaign, type Leadership, leaderOf } from "../../lib/store/etcd-election.ts";
import { clientAt, clientOf, newPrefix, storeOf, surroundings } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";
import { startRelay } from "./tcp-relay.ts";

let server: EtcdServer;
let client: EtcdClient;
let prefix: string;
let leaders: Leadership[];

beforeEach(async () => {
  server = await startEtcd();
  client = await clientAt(server);
  prefix = newPrefix();
  leaders = [];
});
afterEach(async () => {
  await Promise.all(leaders.map(({ resign }) => resign()));
  await server.remove();
});

type Running = Readonly<{
  through?: EtcdClient;
  signal?: AbortSignal;
  clock?: Clock;
  ttlMs?: number;
}>;

async function run(candidate: string, running: Running = {}): Promise<Leadership | undefined> {
  const { through = client, signal = new AbortController().signal, ...rest } = running;
  const options = { client: through, prefix, candidate, ttlMs: 2_000, ...surroundings, ...rest };
  const leadership = await campaign(options, signal);
  if (leadership) leaders.push(leadership);
  return leadership;
}

test("one leads, and the next one when it resigns", async () => {
  const first = await run("first");
  const second = run("second");
  expect(await leaderOf(client, prefix)).toBe("first");
  expect(first?.leads()).toBe(true);
  await first?.resign();
  expect(first?.leads()).toBe(false);
  expect((await second)?.leads()).toBe(true);
  expect(await leaderOf(client, prefix)).toBe("second");
});

test("who no longer waits does not lead", async () => {
  await run("first");
  const control = new AbortController();
  const waiting = run("second", { signal: control.signal });
  control.abort();
  expect(await waiting).toBeUndefined();
  expect(await leaderOf(client, prefix)).toBe("first");
});

test("a candidate whose lease has ended without its knowing begins anew", async () => {
  let grants = 0;
  const read: EtcdClient["read"] = async (method, input) => {
    const answer = await client.read(method, input);
    const isFirst = method.name === Lease.method.leaseGrant.name && ++grants === 1;
    if (isFirst && "id" in answer && typeof answer.id === "bigint")
      await client.read(Lease.method.leaseRevoke, { id: answer.id });
    return answer;
  };
  const only = await run("only", { through: { ...client, read } });
  expect(only?.leads()).toBe(true);
  expect(grants).toBe(2);
});

test("a leader that is cut off knows it before another one leads, and writes nothing", async () => {
  const relay = await startRelay(server.endpoint);
  const through = await clientOf([relay.endpoint]);
  const first = await run("first", { through });
  const order: string[] = [];
  first?.lost.addEventListener("abort", () => order.push("first lost"));
  const fence = first?.fence;
  const store = await storeOf(client, prefix, fence ? { fence } : {});
  await store.commit({ writes: [put("a")] });
  relay.mute();
  const second = await run("second");
  order.push("second leads");
  expect(order).toEqual(["first lost", "second leads"]);
  expect(first?.leads()).toBe(false);
  await expect(store.commit({ writes: [put("b")] })).rejects.toMatchObject({ kind: "fenced" });
  const next = await storeOf(client, prefix, second ? { fence: second.fence } : {});
  await next.commit({ writes: [put("c")] });
  expect(await keysOf(next, "")).toEqual(["a", "c"]);
  await relay.close();
});

test("a leader stays one while etcd restarts", async () => {
  const first = await run("first", { ttlMs: 8_000 });
  await server.kill();
  await server.start();
  // Only a lease that was kept alive gets older than its time.
  await surroundings.clock.sleep(9_000);
  expect(first?.leads()).toBe(true);
  expect(await leaderOf(client, prefix)).toBe("first");
});

test("a leader that slept does not believe that it leads", async () => {
  let sleptMs = 0;
  const { clock } = surroundings;
  const sleeper: Clock = { ...clock, monotonic: () => clock.monotonic() + sleptMs };
  const first = await run("first", { clock: sleeper });
  expect(first?.leads()).toBe(true);
  sleptMs = 2_000;
  expect(first?.leads()).toBe(false);
});
