import { beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../clock.ts";
import { keysOf, never, put } from "./conformance/conformance-words.ts";
import { createEngineStore, type Engine } from "./engine-store.ts";
import { type Store, type StoreChange, StoreError } from "./store.ts";

/** An engine that keeps nothing, and whose disk answers when the test says so. */
function createFakeEngine() {
  const writes: string[] = [];
  const pending: { resolve: () => void; reject: (reason: Error) => void }[] = [];
  let closeCount = 0;
  const engine: Engine = {
    revision: 10n,
    get: () => undefined,
    list: () => [],
    count: () => 0,
    write: (changes: readonly StoreChange[], revision: bigint) => {
      writes.push(`${changes.map(({ key }) => key)}@${revision}`);
      return new Promise((resolve, reject) => pending.push({ resolve, reject }));
    },
    close: async () => {
      closeCount++;
    },
  };
  /** The next write that the engine is given, once it is given one. */
  async function nextWrite() {
    while (pending.length === 0) await systemClock.turn();
    const next = pending.shift();
    if (!next) throw new Error("nothing is written");
    return next;
  }
  return { engine, writes, nextWrite, closeCount: () => closeCount };
}

describe("a store over an engine", () => {
  let fake: ReturnType<typeof createFakeEngine>;
  let failures: StoreError[];
  let store: Store;
  const commit = (key: string) => store.commit({ writes: [put(key)] });

  beforeEach(() => {
    fake = createFakeEngine();
    failures = [];
    store = createEngineStore(fake.engine, {
      clock: systemClock,
      onFailure: (error) => failures.push(error),
    });
  });

  test("writes together what is committed in one turn, and then what came meanwhile", async () => {
    const first = [commit("a"), commit("b")];
    const disk = await fake.nextWrite();
    const second = [commit("c"), commit("d"), commit("e")];
    disk.resolve();
    expect(await Promise.all(first)).toMatchObject([{ revision: 11n }, { revision: 12n }]);
    (await fake.nextWrite()).resolve();
    await Promise.all(second);
    expect(fake.writes).toEqual(["a,b@12", "c,d,e@15"]);
  });

  test("acknowledges and shows nothing before it is on disk", async () => {
    let acknowledged = false;
    const watching = store.watch("", 10n, never())[Symbol.asyncIterator]().next();
    let seen = false;
    void watching.then(() => {
      seen = true;
    });
    const committed = commit("a").then(() => {
      acknowledged = true;
    });
    const disk = await fake.nextWrite();
    for (let i = 0; i < 10; i++) await systemClock.turn();
    expect([acknowledged, seen, await store.revision()]).toEqual([false, false, 10n]);
    disk.resolve();
    await committed;
    expect((await watching).value).toHaveLength(1);
    expect(await store.revision()).toBe(11n);
  });

  test("writes nothing for batches that change nothing", async () => {
    const refused = store.commit({ guards: [{ key: "a", revision: 1n }], writes: [put("a")] });
    const empty = store.commit({ writes: [{ kind: "delete", key: "absent" }] });
    expect(await refused).toMatchObject({ kind: "refused" });
    expect(await empty).toEqual({ kind: "committed", revision: 10n });
    expect(fake.writes).toEqual([]);
  });

  test("tells everybody when the disk fails, once, and refuses everything from then on", async () => {
    const watching = store.watch("", 10n, never())[Symbol.asyncIterator]().next();
    const cause = new Error("no space left on device");
    const told = [watching, commit("a"), commit("b")].map((promise) =>
      expect(promise).rejects.toMatchObject({ name: "StoreError", cause }),
    );
    const disk = await fake.nextWrite();
    const waiting = expect(commit("c")).rejects.toMatchObject({ cause });
    disk.reject(cause);
    await Promise.all([...told, waiting]);
    for (const refused of [store.get("a"), keysOf(store, ""), store.revision(), commit("d")])
      await expect(refused).rejects.toThrow(StoreError);
    expect(failures).toHaveLength(1);
    expect(fake.writes).toEqual(["a,b@12"]);
  });

  test("can be closed after a failure", async () => {
    const lost = expect(commit("a")).rejects.toThrow(StoreError);
    (await fake.nextWrite()).reject(new Error("disk"));
    await lost;
    await store.close();
    await store.close();
    expect(fake.closeCount()).toBe(1);
  });

  test("waits on close for what was accepted", async () => {
    const accepted = commit("a");
    const closed = store.close();
    await expect(commit("b")).rejects.toThrow("the store is closed");
    const disk = await fake.nextWrite();
    expect(fake.closeCount()).toBe(0);
    disk.resolve();
    expect(await accepted).toMatchObject({ revision: 11n });
    await closed;
    expect(fake.closeCount()).toBe(1);
  });
});
