import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { backUp, backUpToFile, restore } from "../../cli/store-copies.ts";
import type { StorePlace } from "../../cli/store-places.ts";
import { KV } from "../../gen/etcdserverpb/rpc_pb.ts";
import { put } from "../../lib/store/conformance/conformance-words.ts";
import { fillEtcdStore } from "../../lib/store/copy/etcd-filling.ts";
import { openEtcdSnapshot } from "../../lib/store/copy/etcd-snapshot.ts";
import type { EtcdClient } from "../../lib/store/etcd/etcd-client.ts";
import { campaign } from "../../lib/store/etcd-election.ts";
import { openLmdbStore } from "../../lib/store/lmdb-store.ts";
import type { Entry } from "../../lib/store/store.ts";
import { asTexts, embeddedIn, TASKS, writeLedger } from "./copies-rig.ts";
import { clientAt, newPrefix, storeOf, surroundings } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";

const { clock, random } = surroundings;
const root = mkdtempSync(join(tmpdir(), "berth-copies-"));
const deps = { clock, random, signal: new AbortController().signal };

let server: EtcdServer;
let client: EtcdClient;
beforeAll(async () => {
  server = await startEtcd();
  client = await clientAt(server);
});
afterAll(async () => {
  await server.remove();
  await rm(root, { recursive: true });
});

const etcdAt = (prefix: string) => ({ endpoints: [server.endpoint], prefix });
const inEtcd = (prefix: string): StorePlace => ({ kind: "etcd", etcd: etcdAt(prefix) });
const inFolder = (folder: string): StorePlace => ({ kind: "folder", folder });

let serial = 0;
const newPath = () => join(root, String(serial++));
const newEmbedded = () => embeddedIn(newPath());

/** What is stored, but for the numbers that a restore renews. */
const ledgerIn = (entries: readonly Entry[]) =>
  asTexts(entries.filter(({ key }) => key !== "meta/epoch" && key !== "meta/revision"));

const numberIn = (entry: Entry | undefined): bigint =>
  BigInt(Buffer.from(entry?.value ?? []).toString());

/** Makes etcd forget all but the present, as its owner's timer may at any moment. */
async function compact(): Promise<void> {
  const { header } = await client.read(KV.method.range, { key: Buffer.from("/") });
  const url = `http://${server.endpoint}/v3/kv/compaction`;
  const body = JSON.stringify({ revision: String(header?.revision) });
  const response = await fetch(url, { method: "POST", body });
  expect(response.ok).toBe(true);
}

describe("a backup", () => {
  test("of either store restores into the other", async () => {
    const { folder, entries } = await newEmbedded();
    const [first, second] = [newPath(), newPath()];
    const onAnew = () => undefined;
    const prefix = newPrefix();
    const counts = { clusterId: "berth", tasks: TASKS, entries: TASKS + 3 };
    expect(await backUpToFile({ from: inFolder(folder), path: first, onAnew }, deps)).toMatchObject(
      counts,
    );
    expect(await restore({ path: first, to: inEtcd(prefix) }, deps)).toMatchObject(counts);
    const there = await storeOf(client, prefix);
    expect(ledgerIn(await there.list(""))).toEqual(ledgerIn(entries));
    await there.commit({ writes: [put("task/new")] });
    await backUpToFile({ from: inEtcd(prefix), path: second, onAnew }, deps);
    const back = newPath();
    await restore({ path: second, to: inFolder(back) }, deps);
    const here = await openLmdbStore({ folder: back, clock });
    expect(ledgerIn(await here.list(""))).toEqual(ledgerIn(await there.list("")));
    const earlier = numberIn(await there.get("meta/epoch"));
    expect(earlier).toBeGreaterThan(4n);
    expect(numberIn(await here.get("meta/epoch"))).toBeGreaterThan(earlier);
    expect(await here.revision()).toBeGreaterThan(await there.revision());
    await here.close();
  });

  test("shows one moment, whoever writes", async () => {
    const prefix = newPrefix();
    const store = await storeOf(client, prefix);
    const write = (n: number) => store.commit({ writes: [put(`key/${n % TASKS}`, String(n))] });
    await Promise.all(Array.from({ length: TASKS }, (_, n) => write(n)));
    const snapshot = await openEtcdSnapshot(client, prefix);
    let next = TASKS;
    const found: Entry[] = [];
    for await (const page of snapshot.pages()) {
      found.push(...page);
      await Promise.all(Array.from({ length: 300 }, () => write(next++)));
    }
    expect(snapshot.revision).toBe(BigInt(TASKS));
    expect(found.map(({ revision }) => revision).sort((a, b) => Number(a - b))).toEqual(
      Array.from({ length: TASKS }, (_, n) => BigInt(n + 1)),
    );
    expect(await store.revision()).toBe(BigInt(next));
  });

  test("is begun anew when etcd forgets its moment, and says so", async () => {
    const prefix = newPrefix();
    const store = await storeOf(client, prefix);
    await writeLedger(store);
    let tries = 0;
    let length = 0;
    const write = async (chunks: AsyncIterable<Buffer>) => {
      tries += 1;
      length = 0;
      for await (const chunk of chunks) {
        if (tries === 1 && length === 0) {
          await store.commit({ writes: [put("task/meanwhile")] });
          await compact();
        }
        length += chunk.length;
      }
    };
    let anew = 0;
    const census = await backUp({ from: inEtcd(prefix), write, onAnew: () => (anew += 1) }, deps);
    expect([tries, anew, census.tasks]).toEqual([2, 1, TASKS + 1]);
    expect(length).toBeGreaterThan(TASKS * 14);
    tries = 0;
    await expect(backUp({ from: inEtcd(prefix), write }, deps)).rejects.toThrow("compacted");
  });

  test("of a prefix where nothing is is refused", async () => {
    const prefix = newPrefix();
    const write = () => Promise.reject(new Error("nothing is written"));
    await expect(backUp({ from: inEtcd(prefix), write }, deps)).rejects.toThrow(
      `there is no store at ${prefix} in etcd`,
    );
  });
});

const fillAt = (prefix: string) => fillEtcdStore({ client, prefix, random });
const entry: Entry = { key: "a", value: new Uint8Array([1]), revision: 2n };

describe("a copy to etcd", () => {
  test("that was broken off is no store, and is begun anew", async () => {
    const prefix = newPrefix();
    const broken = await fillAt(prefix);
    await broken.add([{ ...entry, key: "left over" }]);
    await expect(storeOf(client, prefix)).rejects.toThrow("is not finished");
    await expect(openEtcdSnapshot(client, prefix)).rejects.toThrow("is not finished");
    const again = await fillAt(prefix);
    await again.add([entry]);
    await expect(broken.add([entry])).rejects.toThrow("somebody else writes");
    await expect(broken.finish(9n)).rejects.toThrow("is not finished");
    await again.finish(5n);
    await expect(broken.finish(9n)).rejects.toThrow("somebody else writes");
    const store = await storeOf(client, prefix);
    expect(await store.list("")).toEqual([entry]);
    expect(await store.commit({ writes: [put("b")] })).toMatchObject({ revision: 6n });
  });

  test("is not made where there is a store, a leader, or anything else", async () => {
    const prefix = newPrefix();
    const store = await storeOf(client, prefix);
    await store.commit({ writes: [put("a"), put("b")] });
    await expect(fillAt(prefix)).rejects.toThrow(
      `the store at ${prefix} in etcd is not empty (2 entries)`,
    );
    const led = newPrefix();
    const candidate = { client, prefix: led, candidate: "m", ttlMs: 10_000, ...surroundings };
    const leadership = await campaign(candidate, deps.signal);
    await expect(fillAt(led)).rejects.toThrow(`a manager leads at ${led}`);
    await leadership?.resign();
    await (await fillAt(led)).close();
  });

  test("names a value that is too large for etcd", async () => {
    const filling = await fillAt(newPrefix());
    const large = { ...entry, key: "large", value: new Uint8Array(2 * 2 ** 20) };
    await expect(filling.add([entry, large])).rejects.toThrow("large has 2097157 bytes");
  });
});
