import { afterAll } from "@jest/globals";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { socketWire } from "../../lib/rpc/wire.ts";
import { HISTORY_MAX } from "../../lib/store/conformance/conformance-words.ts";
import {
  type EtcdClient,
  type EtcdOptions,
  openEtcdClient,
} from "../../lib/store/etcd/etcd-client.ts";
import { openEtcdStore } from "../../lib/store/etcd-store.ts";
import type { Store } from "../../lib/store/store.ts";
import type { EtcdServer } from "./etcd-server.ts";

export const surroundings = {
  wire: socketWire,
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
};

const clients: EtcdClient[] = [];
afterAll(() => {
  for (const client of clients) client.close();
});

export async function clientOf(
  endpoints: readonly string[],
  options: Partial<EtcdOptions> = {},
): Promise<EtcdClient> {
  const client = await openEtcdClient({ endpoints, ...surroundings, ...options });
  clients.push(client);
  return client;
}

type StoreOptions = Partial<Parameters<typeof openEtcdStore>[0]>;

export const storeOf = (client: EtcdClient, prefix: string, options: StoreOptions = {}) =>
  openEtcdStore({ client, prefix, historyMax: HISTORY_MAX, ...surroundings, ...options });

let serial = 0;

/** A prefix that nothing else has. */
export const newPrefix = (): string => `/test-${serial++}/`;

export const newStore = (client: EtcdClient, options: StoreOptions = {}): Promise<Store> =>
  storeOf(client, newPrefix(), options);

/** A client of a server, and of nobody else. */
export const clientAt = ({ endpoint }: EtcdServer): Promise<EtcdClient> => clientOf([endpoint]);
