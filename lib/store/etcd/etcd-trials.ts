import { ConnectError } from "@connectrpc/connect";
import { KV, type TxnResponse } from "../../../gen/etcdserverpb/rpc_pb.ts";
import type { Clock } from "../../clock.ts";
import type { Random } from "../../random.ts";
import { backoffMs } from "../../retry.ts";
import { type CommitResult, type StoreChange, StoreError } from "../store.ts";
import type { EtcdClient } from "./etcd-client.ts";
import { fateOf, storeErrorOf, unavailable } from "./etcd-errors.ts";
import type { Group } from "./etcd-groups.ts";
import { type Head, hasWrittenAfter } from "./etcd-layout.ts";
import {
  type Author,
  type Decided,
  type Plan,
  planGuarded,
  planPlain,
  readRefusal,
} from "./etcd-transaction.ts";

/** The changes of a batch that was written, and the transaction that did it. */
export type Written = Readonly<{
  revision: bigint;
  modRevision: bigint;
  changes: readonly StoreChange[];
}>;

export type TrialDeps = Readonly<{
  client: Pick<EtcdClient, "call" | "read">;
  author: Author;
  /** As it was when the store was opened. */
  head: Head;
  clock: Clock;
  random: Random;
  /** Told of each batch whose answer came, in order. */
  onWritten: (written: Written) => void;
}>;

/** How long a batch that has certainly not been written waits for etcd. */
export const PATIENCE_MS = 5_000;

const pauses = { firstMs: 50, capMs: 500 };

/**
 * Brings one group after the other to its end. A transaction whose answer was lost is sent again
 * until there is one: it needs the head as it was, so of all its tries at most one is done.
 */
export function createTrials(deps: TrialDeps) {
  const { clock, random } = deps;
  const heads = createHeads(deps);
  let endMs = Number.POSITIVE_INFINITY;

  return {
    /** Tells `onTrouble` after each try what kept it from an end, and undefined when one comes. */
    async run(group: Group, onTrouble: (trouble: StoreError | undefined) => void) {
      const trial = createTrial(deps, heads, group);
      const startMs = clock.monotonic();
      for (let attempt = 0; ; attempt++) {
        try {
          const results = await trial.next();
          onTrouble(undefined);
          if (results) return results;
        } catch (error) {
          onTrouble(troubleOf(error));
          assertPatient(error, trial.isUnsure(), { startMs, endMs, nowMs: clock.monotonic() });
          await clock.sleep(backoffMs(attempt, pauses, random));
        }
      }
    },
    /** Nobody waits longer than `PATIENCE_MS` from now. */
    end(): void {
      endMs = Math.min(endMs, clock.monotonic() + PATIENCE_MS);
    },
  };
}

type Heads = ReturnType<typeof createHeads>;

/** What is known of the store's head. */
function createHeads({ head, onWritten }: Pick<TrialDeps, "head" | "onWritten">) {
  let current = head;
  return {
    current: () => current,
    /** Takes over what another writer, or an earlier try, has left. */
    adopt(seen: Head): void {
      if (seen.revision < current.revision) {
        const past = `the store went back from revision ${current.revision} to ${seen.revision}`;
        throw new StoreError(`${past}: was etcd restored from a backup? then start anew`);
      }
      current = seen;
    },
    advance(plan: Plan, response: TxnResponse): void {
      const modRevision = response.header?.revision ?? 0n;
      let { revision } = current;
      current = { ...plan.after, modRevision };
      for (const changes of plan.changes(response))
        onWritten({ revision: ++revision, modRevision, changes });
    },
  };
}

function createTrial({ client, author }: TrialDeps, heads: Heads, group: Group) {
  const { fence, writer } = author;
  /** Sent, and perhaps done: its answer was lost. */
  let unsure: Plan | undefined;

  /** What came of it, or undefined when another writer was faster. */
  async function next(): Promise<readonly CommitResult[] | undefined> {
    const plan = await prepare();
    const earlier = doneEarlier();
    if (earlier) return earlier;
    if (!("request" in plan)) return plan.results;
    const response = await send(plan);
    if (!response.succeeded) return learn(response);
    heads.advance(plan, response);
    return plan.results;
  }

  async function prepare(): Promise<Plan | Decided> {
    const [first] = group.entries;
    if (group.kind === "plain" || !first) return planPlain(author, group, heads.current());
    const plan = await planGuarded(author, first.prepared.batch, client);
    heads.adopt(plan.seen);
    return plan;
  }

  function doneEarlier(): readonly CommitResult[] | undefined {
    const isDone = unsure && hasWrittenAfter(heads.current(), writer, unsure.before.revision);
    return isDone ? unsure?.results : undefined;
  }

  async function send(plan: Plan): Promise<TxnResponse> {
    try {
      return await client.call(KV.method.txn, plan.request);
    } catch (error) {
      if (fateOf(error) === "unknown") unsure = plan;
      throw error;
    }
  }

  function learn(response: TxnResponse): readonly CommitResult[] | undefined {
    const refusal = readRefusal(response, fence);
    heads.adopt(refusal.head);
    const earlier = doneEarlier();
    if (earlier) return earlier;
    if (refusal.isFenced)
      throw new StoreError("another one leads: nothing was written", { kind: "fenced" });
    // What an earlier try needed is gone, so it will not be done any more.
    unsure = undefined;
    return undefined;
  }

  return {
    next,
    /** Whether it may have been done, or may yet be. */
    isUnsure: () => unsure !== undefined,
  };
}

type Patience = Readonly<{ startMs: number; endMs: number; nowMs: number }>;

/** Throws what the callers are told when it is not tried again. */
function assertPatient(error: unknown, isUnsure: boolean, patience: Patience): void {
  const { startMs, endMs, nowMs } = patience;
  if (isUnsure) {
    if (nowMs < endMs) return;
    throw new StoreError("closed before etcd said what it did", { cause: error });
  }
  if (fateOf(error) === "refused" || nowMs >= Math.min(startMs + PATIENCE_MS, endMs))
    throw unavailable(`not written: ${troubleOf(error).message}`, error);
}

/** What may pass by itself. Throws all else. */
function troubleOf(error: unknown): StoreError {
  if (!(error instanceof StoreError) && !(error instanceof ConnectError)) throw error;
  const trouble = storeErrorOf(error);
  if (trouble.kind !== "unavailable") throw trouble;
  return trouble;
}
