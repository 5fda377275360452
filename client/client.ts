import type { Client } from "@connectrpc/connect";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { createClient } from "../lib/rpc/client.ts";
import { createFetchTransport } from "./fetch-transport.ts";
import { baseUrlsOf, type ClientDeps, type ClientOptions, patienceOf } from "./options.ts";
import { createRetrying } from "./retrying.ts";
import { createServers } from "./servers.ts";
import { type WatchOptions, type WatchWord, watchTasks } from "./watch-tasks.ts";

/** The calls of the contract. ExecTask is a conversation and needs gRPC; WatchTasks is `watchTasks`. */
export type ManagerCalls = Omit<Client<typeof ManagerService>, "execTask" | "watchTasks">;

/** A cluster, as its user sees it. */
export type BerthClient = ManagerCalls &
  Readonly<{
    /** Tasks and their changes, until the caller leaves. It cannot go quiet. */
    watchTasks(options?: WatchOptions): AsyncGenerator<WatchWord, void, undefined>;
  }>;

/** Calls nobody yet. Throws a RangeError when an option is not as it must be. */
export function createBerthClient(
  options: ClientOptions,
  deps: ClientDeps = systemDeps,
): BerthClient {
  const patience = patienceOf(options);
  const doFetch = options.fetch ?? ((...request) => fetch(...request));
  const servers = createServers(
    baseUrlsOf(options).map((baseUrl) => ({
      baseUrl,
      transport: createFetchTransport({ baseUrl, fetch: doFetch }),
    })),
  );
  const parts = { ...deps, servers, patience };
  const calls: ManagerCalls = createClient(ManagerService, createRetrying(parts));
  return { ...calls, watchTasks: (watched = {}) => watchTasks(parts, watched) };
}

const systemDeps: ClientDeps = {
  clock: systemClock,
  random: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
};
