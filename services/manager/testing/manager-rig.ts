import { createRouterTransport, type Transport } from "@connectrpc/connect";
import { schedulers } from "../../../core/placement/schedulers.ts";
import { ManagerService } from "../../../gen/berth/v1/manager_service_pb.ts";
import { type Clock, systemClock } from "../../../lib/clock.ts";
import { silentLog } from "../../../lib/log.ts";
import { createSeededRandom } from "../../../lib/random.ts";
import type { Channel } from "../../../lib/rpc/channel.ts";
import { createClient } from "../../../lib/rpc/client.ts";
import { createMemoryStore } from "../../../lib/store/memory-store.ts";
import type { Store } from "../../../lib/store/store.ts";
import { createHandlers } from "../handlers.ts";
import { openLedger } from "../ledger.ts";
import { createObserver } from "../observer.ts";
import { createTaskIds } from "../task-id.ts";
import { createTaskMutations } from "../task-mutations.ts";
import { createWorkerTable } from "../worker-table.ts";

/** A transport that stands for a channel: nothing to close. */
export const asChannel = (transport: Transport, address = "memory"): Channel => ({
  ...transport,
  address,
  close: () => undefined,
});

type Options = Readonly<{ store?: Store; clock?: Clock; connect?: (address: string) => Channel }>;

/** A manager's parts without its loops and without a network. */
export async function createManagerRig(options: Options = {}) {
  const store = options.store ?? createMemoryStore();
  const clock = options.clock ?? systemClock;
  const random = createSeededRandom(1);
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => void failures.push(error);
  const ledger = await openLedger({ store, clock, random, onFailure });
  const workers = createWorkerTable();
  const mutations = createTaskMutations({
    ledger,
    clock,
    nextId: createTaskIds(clock, random),
    schedulers: [...schedulers.keys()],
    defaultScheduler: "spread",
  });
  const unreachable = (): Channel => {
    throw new Error("this test has no worker to connect to");
  };
  const connect = options.connect ?? unreachable;
  const facts = { version: "test", defaultScheduler: "spread", startMs: clock.now() };
  const handlers = createHandlers({ ledger, store, workers, mutations, facts, clock, connect });
  const transport = createRouterTransport((router) => router.service(ManagerService, handlers));
  return {
    store,
    clock,
    random,
    log: silentLog,
    ledger,
    workers,
    handlers,
    failures,
    observer: createObserver({ ledger, clock, random, log: silentLog }),
    client: createClient(ManagerService, transport),
  };
}
