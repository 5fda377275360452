import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Compare,
  Compare_CompareTarget,
  type KeyValue,
  KeyValueSchema,
  type RequestOp,
  type ResponseOpSchema,
  type TxnRequest,
  TxnRequestSchema,
  type TxnResponse,
  TxnResponseSchema,
} from "../../../gen/etcdserverpb/rpc_pb.ts";

type Answer = MessageInitShape<typeof ResponseOpSchema>;

const keyOf = ({ value }: RequestOp["request"]): Uint8Array => value?.key ?? new Uint8Array();

/** The transactions of etcd, in memory: single keys only. For tests of what is made of them. */
export function createFakeKv() {
  const stored = new Map<string, KeyValue>();
  let revision = 1n;

  const nameOf = (key: Uint8Array) => Buffer.from(key).toString();

  function holds({ key, target, targetUnion }: Compare): boolean {
    const kv = stored.get(nameOf(key));
    const actual = target === Compare_CompareTarget.MOD ? kv?.modRevision : kv?.createRevision;
    return (actual ?? 0n) === targetUnion.value;
  }

  function perform({ request }: RequestOp, at: bigint): Answer {
    const name = nameOf(keyOf(request));
    const before = stored.get(name);
    if (request.case === "requestRange")
      return { response: { case: "responseRange", value: { kvs: before ? [before] : [] } } };
    if (request.case === "requestPut") {
      const { key, value } = request.value;
      const revisions = { createRevision: before?.createRevision ?? at, modRevision: at };
      stored.set(name, create(KeyValueSchema, { key, value: value.slice(), ...revisions }));
      return { response: { case: "responsePut", value: {} } };
    }
    const deleted = stored.delete(name) ? 1n : 0n;
    return { response: { case: "responseDeleteRange", value: { deleted } } };
  }

  function txn({ compare, success, failure }: TxnRequest): TxnResponse {
    const succeeded = compare.every(holds);
    const operations = succeeded ? success : failure;
    const isWrite = operations.some(({ request }) => request.case !== "requestRange");
    if (isWrite) revision += 1n;
    const responses = operations.map((operation) => perform(operation, revision));
    return create(TxnResponseSchema, { header: { revision }, succeeded, responses });
  }

  return {
    txn: (request: MessageInitShape<typeof TxnRequestSchema>) =>
      txn(create(TxnRequestSchema, request)),
    get: (key: string) => stored.get(key),
  };
}
