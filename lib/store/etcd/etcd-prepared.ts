import type { RequestOp } from "../../../gen/etcdserverpb/rpc_pb.ts";
import { assertWellFormed } from "../batch-plan.ts";
import type { Batch, BatchLimits, Write } from "../store.ts";
import { assertFits } from "./etcd-groups.ts";
import { type Layout, stamp, storedValue, valueIn } from "./etcd-layout.ts";

/** A batch on its own memory, spelled out for etcd but for its revision: what can be done beforehand. */
export type Prepared = Readonly<{
  batch: Batch;
  bytes: number;
  /** The writes, in order, once they know their revision. */
  operationsAt(revision: bigint): readonly RequestOp[];
}>;

/** Throws an AssertionError for a batch that breaks the rules. */
export function prepare(layout: Layout, batch: Batch, limits: BatchLimits): Prepared {
  assertWellFormed(batch);
  const bytes = assertFits(batch, limits);
  const stored: Buffer[] = [];
  const operations: RequestOp[] = [];
  const writes: Write[] = [];

  for (const write of batch.writes) {
    const key = layout.keyOf(write.key);
    if (write.kind === "put") {
      const value = storedValue(0n, write.value);
      stored.push(value);
      writes.push({ kind: "put", key: write.key, value: valueIn(value) });
      operations.push(putting(key, value));
    } else {
      writes.push(write);
      operations.push(deleting(key));
    }
  }
  return {
    batch: { guards: [...(batch.guards ?? [])], writes },
    bytes,
    operationsAt(revision) {
      for (const value of stored) stamp(value, revision);
      return operations;
    },
  };
}

/** Spelled out: `create` costs several times as much, and there are many. */
const putting = (key: Uint8Array, value: Uint8Array): RequestOp => ({
  $typeName: "etcdserverpb.RequestOp",
  request: {
    case: "requestPut",
    value: { $typeName: "etcdserverpb.PutRequest", key, value, lease: 0n },
  },
});

const deleting = (key: Uint8Array): RequestOp => ({
  $typeName: "etcdserverpb.RequestOp",
  request: {
    case: "requestDeleteRange",
    value: { $typeName: "etcdserverpb.DeleteRangeRequest", key, rangeEnd: new Uint8Array() },
  },
});
