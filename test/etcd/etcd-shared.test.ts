import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { KV } from "../../gen/etcdserverpb/rpc_pb.ts";
import { del, keysOf, outline, put, text } from "../../lib/store/conformance/conformance-words.ts";
import type { EtcdClient } from "../../lib/store/etcd/etcd-client.ts";
import { putOp } from "../../lib/store/etcd/etcd-requests.ts";
import { CompactedError, type Store } from "../../lib/store/store.ts";
import { clientAt, newPrefix, newStore, storeOf } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";

let server: EtcdServer;
let client: EtcdClient;
let prefix: string;
beforeAll(async () => {
  server = await startEtcd();
  client = await clientAt(server);
});
afterAll(() => server.remove());
beforeEach(() => {
  prefix = newPrefix();
});

const putRaw = (key: string, value: string) =>
  client.read(KV.method.txn, { success: [putOp(Buffer.from(key), Buffer.from(value))] });

/** The JSON interface, for what Berth never asks for. */
const compact = async (revision: bigint) => {
  const body = JSON.stringify({ revision: String(revision), physical: true });
  await fetch(`http://${server.endpoint}/v3/kv/compaction`, { method: "POST", body });
};

describe("two writers of one store", () => {
  test("count revisions together, and see each other's guards", async () => {
    const [a, b] = [await storeOf(client, prefix), await storeOf(client, prefix)];
    const commitAll = (store: Store, name: string) =>
      Promise.all(
        Array.from({ length: 30 }, (_, n) =>
          store.commit({
            ...(n % 3 === 0 ? { guards: [{ key: `${name}/${n}`, revision: 0n }] } : {}),
            writes: n % 5 === 4 ? [put(`${name}/${n}`), del(`${name}/0`)] : [put(`${name}/${n}`)],
          }),
        ),
      );
    const results = (await Promise.all([commitAll(a, "a"), commitAll(b, "b")])).flat();
    const revisions = results.map((result) =>
      result.kind === "committed" ? Number(result.revision) : 0,
    );
    expect(revisions.sort((x, y) => x - y)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
    expect(await a.revision()).toBe(60n);
    expect(await b.list("")).toEqual(await a.list(""));
  });

  test("let one of many rivals win", async () => {
    const stores = [await storeOf(client, prefix), await storeOf(client, prefix)];
    const claims = stores.map((store, n) =>
      store.commit({ guards: [{ key: "lock", revision: 0n }], writes: [put("lock", `${n}`)] }),
    );
    const kinds = (await Promise.all(claims)).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual(["committed", "refused"]);
  });

  test("are both seen by a watcher, deletions too", async () => {
    const [a, b] = [await storeOf(client, prefix), await storeOf(client, prefix)];
    const changes = a.watch("", 0n, new AbortController().signal)[Symbol.asyncIterator]();
    await a.commit({ writes: [put("x")] });
    const seen = [...outline((await changes.next()).value)];
    await Promise.all([
      b.commit({ writes: [put("y")] }),
      b.commit({ writes: [put("z"), del("x"), del("absent")] }),
    ]);
    while (seen.length < 4) seen.push(...outline((await changes.next()).value));
    expect(seen).toEqual(["put x@1", "put y@2", "put z@3", "delete x@3"]);
    await changes.return?.();
  });
});

describe("a fence", () => {
  test("lets the leader write, and nobody that led before", async () => {
    const leader = `${prefix}leader`;
    await putRaw(leader, "first");
    const { kvs } = await client.read(KV.method.range, { key: Buffer.from(leader) });
    const createRevision = kvs[0]?.createRevision ?? 0n;
    const fence = { key: Buffer.from(leader), createRevision };
    const store = await storeOf(client, prefix, { fence });
    await store.commit({ writes: [put("a")] });
    // A new value is the same leader's; a new key is another one.
    await putRaw(leader, "first, still");
    await store.commit({ guards: [{ key: "a", revision: 1n }], writes: [put("a")] });
    await client.read(KV.method.txn, {
      success: [{ request: { case: "requestDeleteRange", value: { key: Buffer.from(leader) } } }],
    });
    await putRaw(leader, "second");
    const late = [store.commit({ writes: [put("b")] }), store.commit({ writes: [del("a")] })];
    for (const one of late) await expect(one).rejects.toMatchObject({ kind: "fenced" });
    await expect(store.commit({ writes: [] })).rejects.toThrow("another one leads");
    expect(await keysOf(store, "")).toEqual(["a"]);
  });
});

describe("an etcd that others use", () => {
  test("keeps clusters apart, and counts each by itself", async () => {
    const [a, b] = [await newStore(client), await newStore(client)];
    await a.commit({ writes: [put("k", "a")] });
    await b.commit({ writes: [put("k", "b")] });
    expect(await b.revision()).toBe(1n);
    expect(text((await a.get("k"))?.value)).toBe("a");
    expect(await a.count("")).toBe(1);
  });

  test("may forget its history: a watch is told what it missed, or goes on", async () => {
    const writer = await storeOf(client, prefix);
    const reader = await storeOf(client, prefix);
    await writer.commit({ writes: [put("a")] });
    await putRaw("/foreign", "1");
    const { header } = await client.read(KV.method.range, { key: Buffer.from("/foreign") });
    await compact(header?.revision ?? 0n);
    const signal = new AbortController().signal;
    const missed = reader.watch("", 0n, signal)[Symbol.asyncIterator]().next();
    await writer.commit({ writes: [put("b")] });
    await expect(missed).rejects.toThrow(CompactedError);
    const changes = reader.watch("", 2n, signal)[Symbol.asyncIterator]();
    const next = changes.next();
    await writer.commit({ writes: [put("c")] });
    expect(outline((await next).value)).toEqual(["put c@3"]);
    await changes.return?.();
  });

  test("is refused where the head is not ours, or of another format", async () => {
    await putRaw(`${prefix}head`, "nonsense");
    await expect(storeOf(client, prefix)).rejects.toThrow("is not the head of a store");
    await putRaw(`${prefix}head`, '{"format":2,"revision":"7","writers":{}}');
    const message = "has format 2 and this version of Berth knows 1";
    await expect(storeOf(client, prefix)).rejects.toThrow(message);
  });
});

describe("what is large", () => {
  test("is listed whole, all at one revision, however much it is", async () => {
    const store = await storeOf(client, prefix);
    const keys = Array.from({ length: 2_500 }, (_, n) => `k${String(n).padStart(5, "0")}`);
    for (let i = 0; i < keys.length; i += 100)
      await store.commit({ writes: keys.slice(i, i + 100).map((key) => put(key)) });
    expect(await keysOf(store, "")).toEqual(keys);
    expect(await keysOf(store, "", { after: "k00099", limit: 1_500 })).toEqual(
      keys.slice(100, 1_600),
    );
    const half = "v".repeat(2 ** 19);
    await Promise.all(
      Array.from({ length: 12 }, (_, n) => store.commit({ writes: [put(`large/${n}`, half)] })),
    );
    expect((await store.list("large/")).map(({ value }) => value.length)).toEqual(
      Array.from({ length: 12 }, () => 2 ** 19),
    );
  });

  test("goes through up to the limits, and is refused beyond them", async () => {
    const store = await storeOf(client, prefix);
    const { operations, bytes } = store.limits;
    const many = (count: number) => Array.from({ length: count }, (_, n) => put(`k${n}`));
    const sized = (size: number) => [put("large", "v".repeat(size - "large".length))];
    await store.commit({ writes: many(operations) });
    await store.commit({ writes: sized(bytes) });
    const full = many(operations);
    const guards = full.slice(1).map(({ key }) => ({ key, revision: 1n }));
    expect(await store.commit({ guards, writes: [put("x")] })).toMatchObject({ revision: 3n });
    await store.commit({ writes: full.map(({ key }) => del(key)) });
    await expect(store.commit({ writes: many(operations + 1) })).rejects.toThrow(
      `a batch has ${operations + 1} writes and guards, and etcd takes ${operations} at once`,
    );
    await expect(store.commit({ writes: sized(bytes + 1) })).rejects.toThrow("bytes, and etcd");
  });

  test("is as large as etcd was told to take, and etcd is asked whether it was", async () => {
    await expect(storeOf(client, prefix, { maxTxnOps: 1_000 })).rejects.toThrow(
      "etcd does not take 1000 operations at once: start it with that as `--max-txn-ops`",
    );
    const roomy = await startEtcd({ flags: ["--max-txn-ops", "1000"] });
    const store = await storeOf(await clientAt(roomy), prefix, { maxTxnOps: 1_000 });
    const writes = Array.from({ length: store.limits.operations }, (_, n) => put(`k${n}`));
    expect(writes).toHaveLength(998);
    expect(await store.commit({ writes })).toEqual({ kind: "committed", revision: 1n });
    await roomy.remove();
  });
});
