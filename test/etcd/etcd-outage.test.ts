import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { keysOf, outline, put, text } from "../../lib/store/conformance/conformance-words.ts";
import type { Store, StoreError } from "../../lib/store/store.ts";
import { clientAt, clientOf, newPrefix, storeOf } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";
import { startRelay, type TcpRelay } from "./tcp-relay.ts";

let server: EtcdServer;
let relay: TcpRelay;
let prefix: string;
/** Reaches etcd through the relay. */
let store: Store;
/** Reaches etcd directly. */
let other: Store;
let weather: string[];

beforeEach(async () => {
  server = await startEtcd();
  relay = await startRelay(server.endpoint);
  prefix = newPrefix();
  weather = [];
  const onWeather = (trouble: StoreError | undefined) =>
    void weather.push(trouble ? trouble.kind : "good");
  store = await storeOf(await clientOf([relay.endpoint]), prefix, { onWeather });
  other = await storeOf(await clientAt(server), prefix, { onWeather });
});
afterEach(async () => {
  await Promise.all([store.close(), other.close()]);
  await relay.close();
  await server.remove();
});

/** Lets etcd do what `act` asks for, and loses its answer. */
async function losingTheAnswer<T>(act: () => Promise<T>): Promise<Promise<T>[]> {
  relay.mute();
  const swallowed = relay.swallowed();
  const acting = act();
  await swallowed;
  // What etcd says first may be a ping: the write is there when another one sees it.
  for (let revision = 0n; revision === 0n; ) revision = await other.revision();
  return [acting];
}

describe("a commit whose answer is lost", () => {
  test("resolves with its revision, and is written once", async () => {
    const [acting] = await losingTheAnswer(() => store.commit({ writes: [put("a")] }));
    relay.cut();
    expect(await acting).toEqual({ kind: "committed", revision: 1n });
    expect(await store.get("a")).toMatchObject({ revision: 1n });
    expect(await store.commit({ writes: [put("b")] })).toMatchObject({ revision: 2n });
    expect(weather).toEqual(["unavailable", "good"]);
  });

  test("resolves also when another one wrote since", async () => {
    const [acting] = await losingTheAnswer(() => store.commit({ writes: [put("a", "mine")] }));
    await other.commit({ writes: [put("a", "theirs")] });
    relay.cut();
    expect(await acting).toEqual({ kind: "committed", revision: 1n });
    expect(text((await store.get("a"))?.value)).toBe("theirs");
  });

  test("is shown to watchers like every other", async () => {
    const changes = store.watch("", 0n, new AbortController().signal)[Symbol.asyncIterator]();
    const first = changes.next();
    const [acting] = await losingTheAnswer(() => store.commit({ writes: [put("a")] }));
    relay.cut();
    await acting;
    await store.commit({ writes: [put("b")] });
    const seen = [...outline((await first).value)];
    if (seen.length < 2) seen.push(...outline((await changes.next()).value));
    expect(seen).toEqual(["put a@1", "put b@2"]);
    await changes.return?.();
  });
});

describe("an etcd that is away", () => {
  test("fails reads and commits as unavailable, and all goes on when it is back", async () => {
    await other.commit({ writes: [put("a")] });
    await server.kill();
    const unavailable = { name: "StoreError", kind: "unavailable" };
    await expect(other.get("a")).rejects.toMatchObject(unavailable);
    const guards = [{ key: "a", revision: 1n }];
    await Promise.all([
      expect(other.revision()).rejects.toMatchObject(unavailable),
      expect(other.commit({ writes: [put("lost")] })).rejects.toMatchObject(unavailable),
      expect(other.commit({ guards, writes: [put("lost")] })).rejects.toMatchObject(unavailable),
    ]);
    await server.start();
    expect(await other.commit({ writes: [put("b")] })).toMatchObject({ revision: 2n });
    expect(await keysOf(other, "")).toEqual(["a", "b"]);
    expect(weather).toEqual(["unavailable", "good"]);
  });

  test("keeps a commit waiting whose fate is unknown, and refuses those behind it", async () => {
    const pending = losingTheAnswer(() => store.commit({ writes: [put("a")] }));
    const [acting] = await pending;
    await server.kill();
    relay.cut();
    const behind = store.commit({ writes: [put("b")] });
    await expect(behind).rejects.toMatchObject({ kind: "unavailable" });
    await server.start();
    expect(await acting).toEqual({ kind: "committed", revision: 1n });
    expect(await keysOf(store, "")).toEqual(["a"]);
  });

  test("is not waited for at the end", async () => {
    const [acting] = await losingTheAnswer(() => store.commit({ writes: [put("a")] }));
    await server.kill();
    relay.cut();
    const told = expect(acting).rejects.toThrow("closed before etcd said what it did");
    await store.close();
    await told;
  });
});

test("an etcd that hangs holds up nobody for ever", async () => {
  await store.commit({ writes: [put("a")] });
  server.pause();
  const reading = expect(store.get("a")).rejects.toMatchObject({ kind: "unavailable" });
  const acting = store.commit({ writes: [put("b")] });
  await reading;
  server.resume();
  expect(await acting).toMatchObject({ revision: 2n });
});

test("a watch goes on after etcd was away, and misses nothing", async () => {
  const changes = store.watch("", 0n, new AbortController().signal)[Symbol.asyncIterator]();
  await other.commit({ writes: [put("a")] });
  expect(outline((await changes.next()).value)).toEqual(["put a@1"]);
  relay.cut();
  await server.kill();
  await server.start();
  await other.commit({ writes: [put("b")] });
  expect(outline((await changes.next()).value)).toEqual(["put b@2"]);
  await changes.return?.();
});

test("a client goes to the next member when one does not answer", async () => {
  const second = await startRelay(server.endpoint);
  const client = await clientOf([relay.endpoint, second.endpoint]);
  const store = await storeOf(client, newPrefix());
  await store.commit({ writes: [put("a")] });
  await relay.close();
  expect(await store.commit({ writes: [put("b")] })).toMatchObject({ revision: 2n });
  expect(await keysOf(store, "")).toEqual(["a", "b"]);
  await store.close();
  await second.close();
  relay = await startRelay(server.endpoint);
});

test("a store that lost what it had told is not written to any more", async () => {
  await other.commit({ writes: [put("a")] });
  await server.kill();
  await server.forget();
  await server.start();
  const failed = { name: "StoreError", kind: "failed" };
  await expect(other.commit({ writes: [put("b")] })).rejects.toMatchObject(failed);
  await expect(other.commit({ writes: [put("b")] })).rejects.toThrow("restored from a backup");
  const anew = await storeOf(await clientAt(server), prefix);
  expect(await keysOf(anew, "")).toEqual([]);
});
