import type { Clock } from "../lib/clock.ts";
import { whenAborted } from "../lib/stop.ts";
import { createMemoryStore } from "../lib/store/memory-store.ts";
import type { Candidacy, Reign, SharedStore } from "../lib/store/shared-store.ts";
import {
  type Batch,
  type BatchLimits,
  type CommitResult,
  type Store,
  StoreError,
} from "../lib/store/store.ts";
import { lagging } from "./lagging.ts";

/** How one process is connected to a shared store. */
export interface Access {
  readonly shared: SharedStore;
  /** Cuts it off, or ends that. */
  setCut(isCut: boolean): void;
  isCut(): boolean;
}

/** A store that several processes share, in memory, with leases and outages as etcd has them. */
export interface SimulatedStore {
  /** What is durable. */
  readonly durable: Store;
  /** Who leads, as the store itself sees it: who holds the lease and has written under it. */
  leader(): Leader | undefined;
  /** What one process has of it, which lives by its own clock. */
  open(clock: Clock): Access;
}

/** One that leads, and since when. */
export type Leader = Readonly<{ name: string; sinceMs: number }>;

type Options = Readonly<{
  /** The store's own. */
  clock: Clock;
  ttlMs: number;
  /** How much later than it answers it tells of changes. Default: 0. */
  lagMs?: number;
  limits?: BatchLimits;
  /** Told of each batch that was written. */
  onDurable?: (batch: Batch) => void;
}>;

/** A process asks again after this share of the lease, and believes in less of it than it has. */
const KEEP_ALIVE_SHARE = 1 / 3;
const BELIEVED_SHARE = 0.9;
/** How long a call waits for a store that does not answer. */
const PATIENCE_MS = 5_000;
/** How long what is asked, and what is answered, is on its way. */
const TRAVEL_MS = 1;

type Lease = { readonly name: string; endMs: number; wroteMs: number | undefined };

export function createSimulatedStore(options: Options): SimulatedStore {
  const { clock, ttlMs } = options;
  const durable = createMemoryStore();
  let held: Lease | undefined;
  let waiting = new Set<() => void>();

  function release(lease: Lease): void {
    if (held !== lease) return;
    held = undefined;
    const woken = waiting;
    waiting = new Set();
    for (const wake of woken) wake();
  }

  function watchEnd(lease: Lease): void {
    clock.after(lease.endMs - clock.monotonic(), () => {
      if (lease.endMs <= clock.monotonic()) release(lease);
      else watchEnd(lease);
    });
  }

  const server: Server = {
    ...options,
    durable,
    claim(name) {
      if (held) return { name: held.name, freed: new Promise((resolve) => waiting.add(resolve)) };
      held = { name, endMs: clock.monotonic() + ttlMs, wroteMs: undefined };
      watchEnd(held);
      return { name, lease: held };
    },
    isKept(lease) {
      if (held !== lease) return false;
      lease.endMs = clock.monotonic() + ttlMs;
      return true;
    },
    holds: (lease) => held === lease,
    release,
  };
  return {
    durable,
    leader() {
      if (held?.wroteMs === undefined) return undefined;
      return { name: held.name, sinceMs: held.wroteMs };
    },
    open: (own) => openAccess(own, server),
  };
}

type Server = Options &
  Readonly<{
    durable: Store;
    /** Takes the lead if it is free; says who has it, and when it is free again. */
    claim(name: string): Readonly<{ name: string; lease?: Lease; freed?: Promise<void> }>;
    isKept(lease: Lease): boolean;
    holds(lease: Lease): boolean;
    release(lease: Lease): void;
  }>;

function openAccess(clock: Clock, server: Server): Access {
  const line = createLine(clock, server.clock);

  async function campaign({ name, onLeader }: Candidacy, signal: AbortSignal) {
    while (!signal.aborted) {
      const sentMs = clock.monotonic();
      const { lease, name: leader, freed } = await line.act(async () => server.claim(name));
      onLeader(leader);
      if (lease) return reignOf({ clock, server, line, lease }, sentMs);
      await Promise.race([freed, whenAborted(signal)]);
    }
    return undefined;
  }

  const shared = { ...reads(server, line, clock), campaign, close: async () => undefined };
  return { shared, setCut: line.setCut, isCut: () => line.passes() !== undefined };
}

type Seat = Readonly<{ clock: Clock; server: Server; line: Line; lease: Lease }>;

function reignOf(seat: Seat, sentMs: number): Reign {
  const { clock, server, line, lease } = seat;
  const lost = new AbortController();
  const believedMs = server.ttlMs * BELIEVED_SHARE;
  let endMs = sentMs + believedMs;

  function watch(): void {
    const leftMs = endMs - clock.monotonic();
    if (leftMs <= 0) lost.abort();
    else clock.after(leftMs, watch);
  }

  async function keep(): Promise<void> {
    await clock.sleep(server.ttlMs * KEEP_ALIVE_SHARE, lost.signal);
    const fromMs = clock.monotonic();
    const isKept = await line.now(() => server.isKept(lease));
    if (isKept === true) endMs = fromMs + believedMs;
    if (isKept === false) lost.abort();
    if (!lost.signal.aborted) await keep();
  }

  watch();
  void keep();
  const { store, close } = closable(storeOf(seat));
  return {
    store,
    leads: () => !lost.signal.aborted && clock.monotonic() < endMs,
    lost: lost.signal,
    async resign() {
      lost.abort();
      await line.now(() => server.release(lease));
      close();
    },
  };
}

/** As the store of a leader that has resigned: what is asked of it afterwards is a mistake. */
function closable(store: Store): Readonly<{ store: Store; close: () => void }> {
  let isClosed = false;
  const open = (): Store => {
    if (isClosed) throw new StoreError("the store is closed");
    return store;
  };
  return {
    store: {
      ...store,
      get: async (key) => open().get(key),
      list: async (...page) => open().list(...page),
      count: async (prefix) => open().count(prefix),
      revision: async () => open().revision(),
      commit: async (batch) => open().commit(batch),
    },
    close: () => {
      isClosed = true;
    },
  };
}

function storeOf({ clock: own, server, line, lease }: Seat): Store {
  const { durable, limits = durable.limits, onDurable, clock } = server;
  const fenced = async (batch: Batch): Promise<CommitResult> => {
    if (!server.holds(lease)) throw new StoreError("another one leads", { kind: "fenced" });
    const result = await durable.commit(batch);
    lease.wroteMs ??= clock.monotonic();
    onDurable?.(batch);
    return result;
  };
  return {
    ...reads(server, line, own),
    limits,
    commit: (batch) => line.act(() => fenced(batch)),
    close: async () => undefined,
  };
}

type Line = ReturnType<typeof createLine>;

/** The way from a process to the store. What is on it arrives, whatever becomes of the process. */
function createLine(clock: Clock, serverClock: Clock) {
  let mended: Promise<void> | undefined;
  let mend: () => void = () => undefined;

  /** Waits for as long as it is cut, and not longer than a caller's patience. */
  async function passage(): Promise<void> {
    await clock.turn();
    const endMs = clock.monotonic() + PATIENCE_MS;
    while (mended !== undefined) {
      await Promise.race([mended, clock.sleep(endMs - clock.monotonic())]);
      await clock.turn();
      if (mended !== undefined && clock.monotonic() >= endMs)
        throw new StoreError("the store does not answer", { kind: "unavailable" });
    }
  }

  /** Asks the store, and resolves when the process hears of the answer. */
  async function carry<T>(question: () => Promise<T>): Promise<T> {
    await serverClock.sleep(TRAVEL_MS);
    try {
      return await question();
    } finally {
      await serverClock.sleep(TRAVEL_MS);
      await clock.turn();
    }
  }

  return {
    setCut(isCut: boolean): void {
      if (isCut) {
        mended ??= new Promise((resolve) => {
          mend = resolve;
        });
      } else {
        mended = undefined;
        mend();
      }
    },
    /** For what changes nothing: an answer that is lost is one that never was. */
    async ask<T>(question: () => Promise<T>): Promise<T> {
      await passage();
      const answer = await carry(question);
      await passage();
      return answer;
    },
    /** For what may be done once only: who has sent it waits until it is known what came of it. */
    async act<T>(deed: () => Promise<T>): Promise<T> {
      await passage();
      const answer = carry(deed);
      await answer.catch(() => undefined);
      while (mended !== undefined) await mended;
      await clock.turn();
      return answer;
    },
    /** Undefined when it is cut at the moment. */
    async now<T>(question: () => T): Promise<T | undefined> {
      await clock.turn();
      return mended !== undefined ? undefined : question();
    },
    passes: () => mended,
  };
}

const reads = ({ durable, lagMs = 0, ...server }: Server, line: Line, clock: Clock) => ({
  get: (key: string) => line.ask(() => durable.get(key)),
  list: (...page: Parameters<Store["list"]>) => line.ask(() => durable.list(...page)),
  count: (prefix: string) => line.ask(() => durable.count(prefix)),
  revision: () => line.ask(() => durable.revision()),
  async *watch(prefix: string, after: bigint, signal: AbortSignal) {
    const told = durable.watch(prefix, after, signal);
    for await (const changes of lagging(told, { lagMs, clock: server.clock }, signal)) {
      while (line.passes() && !signal.aborted)
        await Promise.race([line.passes(), whenAborted(signal)]);
      // What comes to a process comes in its own turn, and not while it is frozen.
      await clock.turn();
      if (signal.aborted) return;
      yield changes;
    }
  },
});
