import { KV, Watch } from "../../gen/etcdserverpb/rpc_pb.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { EtcdClient } from "./etcd/etcd-client.ts";
import { isLeaseGone } from "./etcd/etcd-errors.ts";
import { createLayout } from "./etcd/etcd-layout.ts";
import { grantLease, type HeldLease } from "./etcd/etcd-lease.ts";
import { createdBy, getOp, putOp, rangeAnswer } from "./etcd/etcd-requests.ts";
import type { Fence } from "./etcd/etcd-transaction.ts";

type Options = Readonly<{
  client: EtcdClient;
  /** The store's. One leader a store. */
  prefix: string;
  /** What others read of the leader: where it is, say. */
  candidate: string;
  /** For how long a leader that falls silent keeps others out. etcd takes whole seconds, 2 at least. */
  ttlMs: number;
  /** Told who leads, in its own words, as often as that is looked up; undefined when nobody can tell. */
  onLeader?: (candidate: string | undefined) => void;
  clock: Clock;
  log: Log;
}>;

/** For as long as this process leads. */
export type Leadership = Readonly<{
  /** Makes a store refuse the writes of whoever led before. */
  fence: Fence;
  /** Whether it leads, by its own clock that never jumps: false before another one can. */
  leads(): boolean;
  /** Aborts when it no longer leads. A process that was paused learns it later than by `leads`. */
  lost: AbortSignal;
  /** Lets another one lead at once. */
  resign(): Promise<void>;
}>;

/** How often somebody who waits looks by itself, should etcd's watch have fallen silent. */
const LOOK_MS = 5_000;

/**
 * Waits until this process leads, or until `signal` aborts: then undefined. Throws a StoreError when
 * etcd cannot be reached for a while. A lease alone does not make one leader, for a process may
 * sleep through its end: the fence does.
 */
export async function campaign(
  options: Options,
  signal: AbortSignal,
): Promise<Leadership | undefined> {
  while (!signal.aborted) {
    const lease = await grantLease(options);
    try {
      const leadership = await campaignUnder(lease, options, signal);
      if (leadership) return leadership;
    } catch (error) {
      options.onLeader?.(undefined);
      await lease.revoke();
      throw error;
    }
    await lease.revoke();
  }
  return undefined;
}

/** Undefined when the lease ends before it leads, or `signal` aborts. */
async function campaignUnder(
  lease: HeldLease,
  options: Options,
  signal: AbortSignal,
): Promise<Leadership | undefined> {
  while (!signal.aborted && !lease.lost.aborted) {
    const held = await claim(options, lease);
    if (!held) return undefined;
    options.onLeader?.(held.candidate);
    if (held.lease === lease.id) return leadershipOf(lease, held.fence);
    await untilFree(options, held.revision, AbortSignal.any([signal, lease.lost]));
  }
  return undefined;
}

/** Who leads, in its own words; undefined when nobody does. */
export async function leaderOf(
  client: Pick<EtcdClient, "read">,
  prefix: string,
): Promise<string | undefined> {
  const { leaderKey } = createLayout(prefix);
  const { kvs } = await client.read(KV.method.range, { key: leaderKey });
  return kvs[0] && Buffer.from(kvs[0].value).toString();
}

/**
 * Takes the key if it is free, and tells whose it is. A repetition finds what the first try did.
 * Undefined when the lease has ended, as while etcd or this process slept.
 */
async function claim({ client, prefix, candidate }: Options, lease: HeldLease) {
  const { leaderKey } = createLayout(prefix);
  const claiming = client.read(KV.method.txn, {
    compare: [createdBy(leaderKey, 0n)],
    success: [putOp(leaderKey, Buffer.from(candidate), lease.id), getOp(leaderKey)],
    failure: [getOp(leaderKey)],
  });
  const response = await claiming.catch((error: unknown) => {
    if (isLeaseGone(error)) return undefined;
    throw error;
  });
  if (!response) return undefined;
  const [kv] = rangeAnswer(response.responses.at(-1)).kvs;
  return {
    candidate: kv && Buffer.from(kv.value).toString(),
    lease: kv?.lease ?? 0n,
    fence: { key: leaderKey, createRevision: kv?.createRevision ?? 0n },
    revision: response.header?.revision ?? 0n,
  };
}

const leadershipOf = (lease: HeldLease, fence: Fence): Leadership => ({
  fence,
  leads: lease.isHeld,
  lost: lease.lost,
  resign: lease.revoke,
});

/** Resolves when the leader's key may be gone since `revision`. */
async function untilFree(options: Options, revision: bigint, signal: AbortSignal): Promise<void> {
  const { client, prefix, clock, log } = options;
  const over = new AbortController();
  const end = AbortSignal.any([signal, over.signal]);
  const { leaderKey: key } = createLayout(prefix);
  const request = { key, startRevision: revision + 1n };
  const watching = firstNews(client, request, end).catch(async (err: unknown) => {
    if (!end.aborted) log.debug({ err }, "watch of the leader broke");
    await clock.sleep(LOOK_MS / 5, end);
  });
  await Promise.race([watching, clock.sleep(LOOK_MS, end)]);
  over.abort();
}

type Range = Readonly<{ key: Buffer; startRevision: bigint }>;

async function firstNews(client: EtcdClient, value: Range, signal: AbortSignal): Promise<void> {
  async function* ask() {
    yield { requestUnion: { case: "createRequest" as const, value } };
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  for await (const { events, canceled } of client.stream(Watch.method.watch, ask(), signal))
    if (events.length > 0 || canceled) return;
}
