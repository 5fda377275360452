import { ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { reasonOf, retryMsOf } from "../../lib/errors.ts";
import { allTasks } from "../all-tasks.ts";
import { aSpec } from "../builders.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";
import { insist } from "./insist.ts";
import {
  createFleet,
  type Fleet,
  type ManagerClient,
  type ManagerProcess,
} from "./manager-processes.ts";
import { startRelay, type TcpRelay } from "./tcp-relay.ts";

// Real processes, real leases: on a busy machine each of these takes its time.
const PATIENCE_MS = 120_000;

let etcd: EtcdServer;
let fleet: Fleet;
let relays: TcpRelay[];

beforeEach(async () => {
  etcd = await startEtcd();
  fleet = await createFleet();
  relays = [];
});
afterEach(async () => {
  await fleet.close();
  await Promise.all(relays.map((relay) => relay.close()));
  await etcd.remove();
}, PATIENCE_MS);

const submit = (client: ManagerClient, name: string) =>
  client.submitTask({ spec: aSpec({}, name), requestId: `request-${name}` });

const names = async ({ client }: ManagerProcess): Promise<string[]> => {
  const tasks = await insist(() => allTasks(client));
  return tasks.map(({ spec }) => spec?.name ?? "").sort();
};

const epochOf = async ({ client }: ManagerProcess): Promise<bigint> =>
  (await insist(() => client.getCluster({}))).cluster?.epoch ?? 0n;

/** Submits one task after the other until `signal` aborts. Each is acknowledged once. */
async function load(client: ManagerClient, prefix: string, signal: AbortSignal): Promise<string[]> {
  const acknowledged: string[] = [];
  for (let serial = 0; !signal.aborted; serial++) {
    const name = `${prefix}-${serial}`;
    await insist(() => submit(client, name));
    acknowledged.push(name);
  }
  return acknowledged;
}

/** Starts the first one, which leads, and then the second. */
async function pair(
  endpoint = etcd.endpoint,
): Promise<readonly [first: ManagerProcess, second: ManagerProcess]> {
  const first = await fleet.addManager(endpoint);
  await insist(() => submit(first.client, "first"));
  const second = await fleet.addManager(etcd.endpoint);
  await insist(() => submit(second.client, "second"));
  return [first, second];
}

const untilEpoch = async (manager: ManagerProcess, epoch: bigint) => {
  while ((await epochOf(manager)) < epoch) await systemClock.sleep(50);
};

test(
  "a leader killed under load loses nothing, and no container is started twice",
  async () => {
    const [first, second] = await pair();
    await fleet.addWorkers(3);
    const over = new AbortController();
    const loading = [load(first.client, "a", over.signal), load(second.client, "b", over.signal)];
    await systemClock.sleep(1_000);
    await first.kill();
    await untilEpoch(second, 2n);
    await first.start();
    await systemClock.sleep(1_000);
    over.abort();
    const acknowledged = (await Promise.all(loading)).flat();
    const expected = ["first", "second", ...acknowledged].sort();
    expect(await names(second)).toEqual(expected);
    expect(await names(first)).toEqual(expected);
    const running = async () => {
      const tasks = await allTasks(second.client);
      return tasks.filter(({ state }) => state === TaskState.RUNNING);
    };
    while ((await running()).length < expected.length) await systemClock.sleep(100);
    expect((await running()).map(({ attempt }) => attempt?.number)).toEqual(expected.map(() => 1));
  },
  PATIENCE_MS,
);

test(
  "a leader that was frozen past its lease finds another one in its place",
  async () => {
    const [first, second] = await pair();
    first.pause();
    await untilEpoch(second, 2n);
    await insist(() => submit(second.client, "third"));
    first.resume();
    await insist(() => submit(first.client, "fourth"));
    const expected = ["first", "fourth", "second", "third"];
    expect(await names(first)).toEqual(expected);
    expect(await names(second)).toEqual(expected);
    expect(first.log()).toContain("this manager no longer leads");
  },
  PATIENCE_MS,
);

test(
  "a leader that is cut off from etcd steps down, answers reads, and refuses to write",
  async () => {
    const relay = await startRelay(etcd.endpoint);
    relays.push(relay);
    const [first, second] = await pair(relay.endpoint);
    relay.mute();
    await untilEpoch(second, 2n);
    await insist(() => submit(second.client, "third"));
    const { headers, tasks } = await read(first);
    expect(tasks.map(({ spec }) => spec?.name)).toEqual(["first", "second"]);
    expect(Number(headers.get("berth-stale-ms"))).toBeGreaterThan(0);
    expect(retryMsOf(await refusalOf(first))).toBeGreaterThan(0);
    relay.cut();
    await insist(() => submit(first.client, "fourth"));
    expect(await names(first)).toEqual(["first", "fourth", "second", "third"]);
  },
  PATIENCE_MS,
);

test(
  "while etcd is down reads are answered as of a revision, writes are refused, and all mends itself",
  async () => {
    const [first, second] = await pair();
    await etcd.kill();
    for (const manager of [first, second]) {
      const refusal = await refusalOf(manager);
      expect(retryMsOf(refusal)).toBeGreaterThan(0);
      const { headers, tasks, revision } = await read(manager);
      expect(tasks).toHaveLength(2);
      expect(headers.get("berth-revision")).toBe(String(revision));
    }
    await etcd.start();
    await insist(() => submit(first.client, "third"));
    expect(await names(second)).toEqual(["first", "second", "third"]);
  },
  PATIENCE_MS,
);

async function read(manager: ManagerProcess) {
  let headers = new Headers();
  const onHeader = (received: Headers) => {
    headers = received;
  };
  // A leader that has not noticed yet says no, and then is none.
  const answer = await insist(async () => {
    const read = await manager.client.listTasks({}, { onHeader });
    if (!headers.has("berth-stale-ms")) throw ConnectError.from("too early", 14);
    return read;
  });
  return { headers, ...answer };
}

/** Of a write, as soon as the manager knows that it cannot. */
async function refusalOf({ client }: ManagerProcess): Promise<unknown> {
  for (;;) {
    const refusal = await submit(client, "never").catch((error: unknown) => error);
    if (reasonOf(refusal) === "NO_LEADER") return refusal;
    await systemClock.sleep(50);
  }
}
