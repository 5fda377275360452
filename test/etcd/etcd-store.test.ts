import { afterAll, beforeAll } from "@jest/globals";
import type { EtcdClient } from "../../lib/store/etcd/etcd-client.ts";
import { describeStore } from "../../lib/store/store-conformance.ts";
import { clientAt, newStore } from "./etcd-rig.ts";
import { type EtcdServer, startEtcd } from "./etcd-server.ts";

let server: EtcdServer;
let client: EtcdClient;

beforeAll(async () => {
  server = await startEtcd();
  client = await clientAt(server);
});
afterAll(() => server.remove());

describeStore("etcd", () => newStore(client));
