import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { ManagerService } from "../../gen/berth/v1/manager_service_pb.ts";
import { assert } from "../../lib/assert.ts";
import { unavailable } from "../../lib/errors.ts";
import type { Channel } from "../../lib/rpc/channel.ts";
import { createContacts } from "../../lib/rpc/contacts.ts";
import { handlerFor } from "../../lib/rpc/delegate.ts";
import { createStop } from "../../lib/stop.ts";
import type { SharedStore } from "../../lib/store/shared-store.ts";
import { inAnyWeather } from "../../lib/store/weather.ts";
import { type Currency, createCurrency } from "./currency.ts";
import { createReadHandlers } from "./handlers.ts";
import { createLeaderCalls, type LeaderCalls } from "./leader-calls.ts";
import type { LedgerState } from "./ledger-state.ts";
import type { ManagerConfig, ManagerDeps } from "./manager.ts";
import { runRegistryWatch } from "./registry-watch.ts";
import { createRegistryWord } from "./registry-word.ts";
import { createReplica, type Replica } from "./replica.ts";
import type { Role } from "./role.ts";
import { followRecords } from "./worker-mutations.ts";
import { createWorkerTable, type WorkerTable } from "./worker-table.ts";

const { listWorkers, getWorker, getCluster } = ManagerService.method;
/** What tells of links, which only the one that leads has. */
const LINKED: ReadonlySet<DescMethod> = new Set([listWorkers, getWorker, getCluster]);

/** Of the answer: which revision of the ledger it is as of. */
const REVISION_HEADER = "berth-revision";
/** Of the answer: by how many milliseconds it may be behind. Absent: it is not. */
const STALE_HEADER = "berth-stale-ms";

export type StandbyDeps = Omit<ManagerDeps, "store"> & Readonly<{ shared: SharedStore }>;

type Options = Readonly<{
  state: LedgerState;
  config: ManagerConfig;
  /** This manager's own name among candidates. */
  name: string;
  startMs: number;
  connect: (address: string) => Channel;
}>;

/** A manager that does not lead: it keeps a copy, answers reads from it, and passes the rest on. */
export type Standby = Readonly<{
  role: Role;
  calls: LeaderCalls;
  reached: Replica["reached"];
  /** Settles when the copy is no longer kept; rejects when it cannot be kept any more. */
  following: Promise<void>;
  /** Ends the role. The state is whole then, as of its `storeRevision`. */
  end(): Promise<void>;
}>;

export function startStandby(options: Options, deps: StandbyDeps): Standby {
  const { state, config, name, startMs, connect } = options;
  const { shared, clock, log } = deps;
  const over = createStop();
  const isOver = () => over.signal.aborted;
  const replica = createReplica(state, shared);
  const calls = createLeaderCalls({ name, connect, clock, over: over.signal });
  const following = inAnyWeather(() => replica.follow(over.signal), { clock, isOver });
  const workers = createWorkerTable();
  followRecords(replica.view, workers);
  const watch = { ...deps, workers, word: createRegistryWord(clock) };
  const watching = runRegistryWatch(
    { ...watch, registries: createContacts(config.registryAddress, deps) },
    over.signal,
  );
  const { version, defaultScheduler } = config;
  const leader = () => calls.leader() ?? "";
  const facts = { version, defaultScheduler, startMs, leader };
  const drains = { blocksOf: () => [] };
  const reads = createReadHandlers({
    ...{ ledger: replica.view, store: shared, workers, drains, facts, clock, connect },
  });
  const currency = createCurrency({ state, replica, store: shared, clock, log, over: over.signal });
  const looking = currency.run();
  return {
    role: roleOf({ reads, currency, calls, replica, workers, over: over.signal }),
    calls,
    reached: replica.reached,
    following,
    async end() {
      over.abort();
      calls.close();
      await Promise.allSettled([following, watching, looking]);
    },
  };
}

type Parts = Readonly<{
  reads: ReturnType<typeof createReadHandlers>;
  currency: ReturnType<typeof createCurrency>;
  calls: LeaderCalls;
  replica: Replica;
  workers: WorkerTable;
  over: AbortSignal;
}>;

function roleOf({ reads, currency, calls, replica, workers, over }: Parts): Role {
  /** A copy that is behind does not know what is not there. */
  function unlessMissing(error: unknown): never {
    if (!(error instanceof ConnectError) || error.code !== Code.NotFound) throw error;
    throw cannotTell(replica.view.revision(), error.rawMessage);
  }

  async function state(headers: Headers): Promise<Readonly<{ isStale: boolean }>> {
    const staleMs = await currency.ensure();
    headers.set(REVISION_HEADER, String(replica.view.revision()));
    if (staleMs > 0) headers.set(STALE_HEADER, String(Math.round(staleMs)));
    return { isStale: staleMs > 0 };
  }

  return {
    kind: "standby",
    view: { ledger: replica.view, workers },
    over,
    isOver: () => over.aborted,
    async answer(method, request, context) {
      const read = handlerFor<typeof ManagerService>(reads, method);
      if (!read) return calls.call(method, request, context);
      const told = LINKED.has(method) && (await calls.ask(method, request, context));
      if (told) return told;
      const { isStale } = await state(context.responseHeader);
      const reading = Promise.resolve(read(request, context));
      const answer = await (isStale ? reading.catch(unlessMissing) : reading);
      assert(!(Symbol.asyncIterator in answer), `${method.name} has one answer`);
      return answer;
    },
    async *stream(method, request, context) {
      const { isStale } = await state(context.responseHeader);
      if (isStale) refuseFuture(request, replica.view.revision());
      const answers = handlerFor<typeof ManagerService>(reads, method)?.(request, context);
      assert(answers && Symbol.asyncIterator in answers, `${method.name} is answered by a stream`);
      // Whoever begins while the store is out of reach was told so in the header.
      yield* isStale ? answers : truthful(answers, currency);
    },
  };
}

/** What a stream says, until it would say that nothing has changed and cannot know. */
async function* truthful<T extends object>(
  answers: AsyncIterable<T>,
  currency: Pick<Currency, "isLongBehind">,
): AsyncGenerator<T> {
  for await (const answer of answers) {
    if (isBookmark(answer) && currency.isLongBehind())
      throw unavailable("STORE_UNAVAILABLE", "this manager has lost its store: ask another");
    yield answer;
  }
}

const isBookmark = (answer: object): boolean =>
  "changes" in answer && Array.isArray(answer.changes) && answer.changes.length === 0;

/** A copy that cannot catch up now does not know whether a revision after its own was ever there. */
function refuseFuture(request: object, revision: bigint): void {
  if (!("afterRevision" in request) || typeof request.afterRevision !== "bigint") return;
  if (request.afterRevision <= revision) return;
  throw cannotTell(revision, `revision ${request.afterRevision} is ahead of that`);
}

const cannotTell = (revision: bigint, what: string) =>
  unavailable(
    "STORE_UNAVAILABLE",
    `this manager has come to revision ${revision} and cannot reach its store (${what}): ask another`,
  );
