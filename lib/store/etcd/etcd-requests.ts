import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  Compare_CompareTarget,
  type CompareSchema,
  type DeleteRangeResponse,
  type RangeResponse,
  type RequestOpSchema,
  type ResponseOp,
} from "../../../gen/etcdserverpb/rpc_pb.ts";
import { assert } from "../../assert.ts";
import type { Write } from "../store.ts";
import { type Layout, storedValue } from "./etcd-layout.ts";

/** The words of etcd's transactions, in short. */
export type Operation = MessageInitShape<typeof RequestOpSchema>;
export type Condition = MessageInitShape<typeof CompareSchema>;

export const getOp = (key: Uint8Array, keysOnly = false): Operation => ({
  request: { case: "requestRange", value: { key, keysOnly } },
});

export const putOp = (key: Uint8Array, value: Uint8Array, lease = 0n): Operation => ({
  request: { case: "requestPut", value: { key, value, lease } },
});

export const deleteOp = (
  range: Readonly<{ key: Uint8Array; rangeEnd?: Uint8Array }>,
): Operation => ({
  request: { case: "requestDeleteRange", value: range },
});

/** A write of the batch that gets `revision`. */
export const writeOp = (layout: Layout, write: Write, revision: bigint): Operation =>
  write.kind === "put"
    ? putOp(layout.keyOf(write.key), storedValue(revision, write.value))
    : deleteOp({ key: layout.keyOf(write.key) });

/** Holds while the key is as the transaction `revision` left it; 0n: while it does not exist. */
export const unchangedSince = (key: Uint8Array, revision: bigint): Condition => ({
  target: Compare_CompareTarget.MOD,
  key,
  targetUnion: { case: "modRevision", value: revision },
});

/** Holds while the key is the one that the transaction `revision` made, however often rewritten. */
export const createdBy = (key: Uint8Array, revision: bigint): Condition => ({
  target: Compare_CompareTarget.CREATE,
  key,
  targetUnion: { case: "createRevision", value: revision },
});

export function rangeAnswer(answer: ResponseOp | undefined): RangeResponse {
  assert(answer?.response.case === "responseRange", "etcd answers a read with what it read");
  return answer.response.value;
}

export function deleteAnswer(answer: ResponseOp | undefined): DeleteRangeResponse {
  const response = answer?.response;
  assert(response?.case === "responseDeleteRange", "etcd answers a deletion with its count");
  return response.value;
}
