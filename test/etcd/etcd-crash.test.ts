import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../lib/clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { keysOf, outline, put } from "../../lib/store/conformance/conformance-words.ts";
import type { Store } from "../../lib/store/store.ts";
import { clientAt, newPrefix, storeOf } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";

/** Writers at work at once. */
const WRITER_COUNT = 8;

let server: EtcdServer;
beforeEach(async () => {
  server = await startEtcd();
});
afterEach(() => server.remove());

/** Commits batches of the keys `a/N`, `b/N` and `c/N` until `count` were acknowledged. */
async function writeMany(store: Store, count: number, onAcknowledged: (n: number) => void) {
  const acknowledged: { n: number; revision: bigint }[] = [];
  let serial = 0;

  async function write(): Promise<void> {
    while (serial < count) {
      const n = serial++;
      const value = "v".repeat((n * 97) % 3_000);
      const writes = ["a", "b", "c"].map((name) => put(`${name}/${n}`, value));
      const result = await store.commit({ writes });
      if (result.kind === "committed") acknowledged.push({ n, revision: result.revision });
      onAcknowledged(acknowledged.length);
    }
  }

  const writers = await Promise.allSettled(Array.from({ length: WRITER_COUNT }, write));
  return {
    acknowledged,
    errors: writers.flatMap((one) => (one.status === "rejected" ? [one] : [])),
  };
}

/** Asserts that all acknowledged batches are stored as told, and the others wholly or not at all. */
async function expectIntact(
  store: Store,
  acknowledged: readonly Readonly<{ n: number; revision: bigint }>[],
): Promise<void> {
  const stored = await store.list("a/");
  const revisionOf = new Map(stored.map(({ key, revision }) => [Number(key.slice(2)), revision]));
  for (const { n, revision } of acknowledged) expect([n, revisionOf.get(n)]).toEqual([n, revision]);
  for (const name of ["b", "c"])
    expect(await keysOf(store, `${name}/`)).toEqual(
      stored.map(({ key }) => `${name}/${key.slice(2)}`),
    );
  expect(new Set(revisionOf.values()).size).toBe(stored.length);
  expect(await store.revision()).toBe(BigInt(stored.length));
}

describe("an etcd that is killed again and again", () => {
  test.each([1, 2, 3])("keeps its promises, seed %i", async (seed) => {
    const random = createSeededRandom(seed);
    const prefix = newPrefix();
    const store = await storeOf(await clientAt(server), prefix, { historyMax: 10_000 });
    const standby = await storeOf(await clientAt(server), prefix, { historyMax: 10_000 });
    const watching = [store, standby].map((watched) => follow(watched, 240));
    let nextCrash = 20;
    let crash = Promise.resolve();
    const { acknowledged, errors } = await writeMany(store, 240, (count) => {
      if (count < nextCrash) return;
      nextCrash += 60 + Math.floor(random() * 40);
      crash = crash
        .then(() => systemClock.sleep(random() * 20))
        .then(server.kill)
        .then(server.start);
    });
    await crash;
    expect(errors).toEqual([]);
    expect(acknowledged).toHaveLength(240);
    const again = await storeOf(await clientAt(server), prefix);
    await expectIntact(again, acknowledged);
    const stored = (await again.list("")).map(({ key, revision }) => `put ${key}@${revision}`);
    for (const seen of await Promise.all(watching)) expect(seen.toSorted()).toEqual(stored.sort());
    await Promise.all([store.close(), standby.close()]);
  });
});

/** All changes until the batch `last`; the order is checked on the way. */
async function follow(store: Store, last: number): Promise<readonly string[]> {
  const seen: string[] = [];
  let revision = 0n;
  for await (const changes of store.watch("", 0n, new AbortController().signal)) {
    for (const change of changes) {
      expect(change.revision === revision || change.revision === revision + 1n).toBe(true);
      revision = change.revision;
    }
    seen.push(...outline(changes));
    if (revision === BigInt(last)) break;
  }
  return seen;
}

test.each([1, 25, 100])("a writer that dies after %i batches loses nothing", async (count) => {
  const prefix = newPrefix();
  const client = await clientAt(server);
  const doomed = await storeOf(client, prefix);
  const work = writeMany(doomed, count + 50, (acknowledged) => {
    if (acknowledged === count) client.close();
  });
  const { acknowledged } = await work;
  await expectIntact(await storeOf(await clientAt(server), prefix), acknowledged);
});
