import { Lease } from "../../../gen/etcdserverpb/rpc_pb.ts";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";
import { StoreError } from "../store.ts";
import type { EtcdClient } from "./etcd-client.ts";
import { unavailable } from "./etcd-errors.ts";

type Options = Readonly<{ client: EtcdClient; ttlMs: number; clock: Clock; log: Log }>;

/** A lease that is kept alive until it is revoked, or until nobody could. */
export type HeldLease = Readonly<{
  id: bigint;
  /** Whether etcd certainly still has it, by this process's own clock. */
  isHeld(): boolean;
  /** Aborts when it is over. */
  lost: AbortSignal;
  /** Ends it at once, so that its keys are gone; if etcd cannot be reached, when its time is up. */
  revoke(): Promise<void>;
}>;

const SECOND_MS = 1_000;

/** A lease is asked for again after this share of its time. */
const KEEP_ALIVE_SHARE = 1 / 3;

/** The end is believed in this share of the time earlier: clocks of two machines differ in speed. */
const MARGIN_SHARE = 1 / 10;

/** Throws a StoreError when etcd cannot be reached for a while. */
export async function grantLease(options: Options): Promise<HeldLease> {
  const { client, ttlMs, clock } = options;
  const sentMs = clock.monotonic();
  const request = { ttl: BigInt(Math.ceil(ttlMs / SECOND_MS)) };
  const { id, ttl } = await client.read(Lease.method.leaseGrant, request);
  return holdLease(options, { id, ttlMs: Number(ttl) * SECOND_MS, sentMs });
}

type Granted = Readonly<{ id: bigint; ttlMs: number; sentMs: number }>;

function holdLease({ client, clock, log }: Options, { id, ttlMs, sentMs }: Granted): HeldLease {
  const over = new AbortController();
  const validMs = ttlMs * (1 - MARGIN_SHARE);
  /** Counted from when the latest request that was answered had been sent: etcd counts from later. */
  let endMs = sentMs + validMs;
  let disarm = clock.after(endMs - clock.monotonic(), end);

  function end(): void {
    disarm();
    over.abort(new StoreError("the lease is over", { kind: "fenced" }));
  }

  function extend(fromMs: number): void {
    endMs = fromMs + validMs;
    disarm();
    if (!over.signal.aborted) disarm = clock.after(endMs - clock.monotonic(), end);
  }

  async function keepAlive(): Promise<void> {
    const pauseMs = ttlMs * KEEP_ALIVE_SHARE;
    for (let waitMs = pauseMs; !over.signal.aborted; ) {
      await clock.sleep(waitMs, over.signal);
      waitMs = (await hasTried(pauseMs)) ? pauseMs : pauseMs / 4;
    }
  }

  /** Whether it was answered. */
  async function hasTried(limitMs: number): Promise<boolean> {
    if (over.signal.aborted) return false;
    const fromMs = clock.monotonic();
    const tooLate = new AbortController();
    const disarmTry = clock.after(limitMs, () => tooLate.abort());
    try {
      const signal = AbortSignal.any([over.signal, tooLate.signal]);
      if (await isKept(client, id, signal)) extend(fromMs);
      else end();
      return true;
    } catch (err) {
      log.debug({ err }, "lease was not kept alive");
      return false;
    } finally {
      disarmTry();
    }
  }

  void keepAlive();
  return {
    id,
    isHeld: () => !over.signal.aborted && clock.monotonic() < endMs,
    lost: over.signal,
    async revoke() {
      end();
      await client
        .read(Lease.method.leaseRevoke, { id })
        .catch((err: unknown) => log.debug({ err }, "lease was not revoked"));
    },
  };
}

/** Asks once, on a stream of its own: what hangs then hangs only once. */
async function isKept(client: EtcdClient, id: bigint, signal: AbortSignal): Promise<boolean> {
  async function* request() {
    yield { id };
  }
  const answers = client.stream(Lease.method.leaseKeepAlive, request(), signal);
  for await (const { ttl } of answers) return ttl > 0n;
  throw unavailable("etcd ended a stream without an answer");
}
