import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { compare, live, STEPS } from "../../services/manager/testing/past-life.ts";
import { clientAt, newStore } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";

jest.setTimeout(240_000);

let server: EtcdServer;
beforeAll(async () => {
  server = await startEtcd();
});
afterAll(() => server.remove());

test("what is told of any time from etcd is what the ledger said then", async () => {
  const store = await newStore(await clientAt(server));
  const lived = await live(store, 44, { eventsMax: 1_000, removedMax: 1_000 });
  expect(await compare(lived)).toEqual({ told: STEPS, refused: 0, gaps: 0 });
});

test("what etcd no longer has is refused or named, and all else is told", async () => {
  const store = await newStore(await clientAt(server));
  const counts = await compare(await live(store, 45, { eventsMax: 5, removedMax: 6 }));
  expect(counts["told"]).toBeGreaterThan(10);
  expect(counts["refused"]).toBeGreaterThan(10);
});
