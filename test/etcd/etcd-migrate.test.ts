import { mkdtempSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { migrate } from "../../cli/store-copies.ts";
import type { Clock } from "../../lib/clock.ts";
import { put } from "../../lib/store/conformance/conformance-words.ts";
import { fillEtcdStore } from "../../lib/store/copy/etcd-filling.ts";
import { openLmdbSnapshot } from "../../lib/store/copy/lmdb-snapshot.ts";
import type { Pages } from "../../lib/store/copy/store-copy.ts";
import type { EtcdClient } from "../../lib/store/etcd/etcd-client.ts";
import { openLmdbStore } from "../../lib/store/lmdb-store.ts";
import { writeMovedMark } from "../../lib/store/moved-mark.ts";
import type { Entry } from "../../lib/store/store.ts";
import { asTexts, embeddedIn, TASKS } from "./copies-rig.ts";
import { clientAt, newPrefix, storeOf, surroundings } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";

const { clock, random } = surroundings;
const root = mkdtempSync(join(tmpdir(), "berth-migrate-"));
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

let serial = 0;
const newEmbedded = () => embeddedIn(join(root, String(serial++)));
const etcdAt = (prefix: string) => ({ endpoints: [server.endpoint], prefix });
const fillAt = (prefix: string) => fillEtcdStore({ client, prefix, random });
const entry: Entry = { key: "a", value: new Uint8Array([1]), revision: 2n };

async function entriesOf(pages: Pages): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for await (const page of pages) entries.push(...page);
  return entries;
}

/** A signal that never aborts, and at the `nth` look at it does something else. */
function atLook(nth: number, act: () => void): AbortSignal {
  const { signal } = new AbortController();
  let looks = 0;
  signal.throwIfAborted = () => {
    looks += 1;
    if (looks === nth) act();
  };
  return signal;
}

/** One by which whoever is patient soon has been. */
const hasty: Clock = { ...clock, monotonic: () => clock.monotonic() * 20 };

/** A hasty clock that does something when it is asked for the time of day. */
const atTime = (act: () => void): Clock => ({
  ...hasty,
  now() {
    act();
    return clock.now();
  },
});

describe("a move to etcd", () => {
  test("keeps cluster, entries and every revision, and closes the old store", async () => {
    const { folder, entries, revision } = await newEmbedded();
    const prefix = newPrefix();
    const to = etcdAt(prefix);
    const counts = { clusterId: "berth", tasks: TASKS, entries: TASKS + 3 };
    expect(await migrate({ folder, to }, deps)).toEqual(counts);
    const store = await storeOf(client, prefix);
    expect(asTexts(await store.list(""))).toEqual(asTexts(entries));
    expect(await store.revision()).toBe(revision);
    const place = `etcd://${server.endpoint}${prefix.slice(0, -1)}`;
    await expect(openLmdbStore({ folder, clock })).rejects.toThrow(`moved to ${place}`);
    await expect(migrate({ folder, to }, deps)).rejects.toThrow(`moved to ${place} at`);
  });

  test("goes on where it was broken off", async () => {
    const { folder, entries } = await newEmbedded();
    const prefix = newPrefix();
    const to = etcdAt(prefix);
    const mark = {
      to: `etcd://${server.endpoint}${prefix.slice(0, -1)}`,
      time: "2026-11-22T00:00:00.000Z",
    };
    await (await fillAt(prefix)).add([{ ...entry, key: "task/stale" }]);
    await writeMovedMark(folder, { state: "moving", ...mark });
    await expect(migrate({ folder, to: etcdAt(newPrefix()) }, deps)).rejects.toThrow(
      `is on its way to ${mark.to}: finish that first`,
    );
    await migrate({ folder, to }, deps);
    const store = await storeOf(client, prefix);
    expect(asTexts(await store.list(""))).toEqual(asTexts(entries));
    // Broken off before it was noted as done, and a manager was faster than the next try.
    await store.commit({ writes: [put("task/since")] });
    await writeMovedMark(folder, { state: "moving", ...mark });
    expect(await migrate({ folder, to }, deps)).toMatchObject({ tasks: TASKS + 1 });
    expect(await store.count("task/")).toBe(TASKS + 1);
    expect(await readFile(join(folder, "moved.json"), "utf8")).toContain('"moved"');
  });

  test("can be typed again when etcd died in the middle, and says what went wrong", async () => {
    const { folder, entries } = await newEmbedded();
    const mortal = await startEtcd();
    const prefix = newPrefix();
    const move = (changes: Partial<typeof deps>) =>
      migrate({ folder, to: { endpoints: [mortal.endpoint], prefix } }, { ...deps, ...changes });
    const openOld = () => openLmdbStore({ folder, clock });
    const isAway = "etcd is out of reach";

    await expect(move({ clock: hasty, signal: atLook(2, mortal.kill) })).rejects.toThrow(isAway);
    await (await openOld()).close();

    await mortal.start();
    await expect(move({ clock: atTime(mortal.kill) })).rejects.toThrow(isAway);
    await expect(openOld()).rejects.toThrow("type berth migrate again");
    await expect(move({ clock: hasty })).rejects.toThrow(isAway);
    await expect(openOld()).rejects.toThrow("type berth migrate again");

    await mortal.start();
    expect(await move({})).toMatchObject({ tasks: TASKS });
    const store = await storeOf(await clientAt(mortal), prefix);
    expect(asTexts(await store.list(""))).toEqual(asTexts(entries));
    await store.close();
    await mortal.remove();
  });

  test("does not happen while a manager works, nor onto another store", async () => {
    const { folder, entries } = await newEmbedded();
    const prefix = newPrefix();
    await (await storeOf(client, prefix)).commit({ writes: [put("a")] });
    await expect(migrate({ folder, to: etcdAt(prefix) }, deps)).rejects.toThrow("is not empty");
    const store = await openLmdbStore({ folder, clock });
    await expect(migrate({ folder, to: etcdAt(newPrefix()) }, deps)).rejects.toThrow(
      "is in use by",
    );
    expect(asTexts(await store.list(""))).toEqual(asTexts(entries));
    await store.close();
    const snapshot = await openLmdbSnapshot(folder);
    expect(await entriesOf(snapshot.pages())).toHaveLength(entries.length);
    await snapshot.close();
  });
});
