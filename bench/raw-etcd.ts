import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { TxnRequestSchema } from "../gen/etcdserverpb/rpc_pb.ts";
import { putOp } from "../lib/store/etcd/etcd-requests.ts";
import type { Action } from "./store.ts";

type Words = Readonly<{ keyOf: (index: number) => string; value: Uint8Array }>;

/** What etcd itself does, by the least that a client can do: bytes made beforehand go out. */
export function createRawEtcd(endpoint: string, { keyOf, value }: Words) {
  const client = new Client(endpoint, credentials.createInsecure());
  const asIs = (bytes: Buffer) => bytes;
  const requests = new Map<string, Buffer>();

  function requestOf(index: number, size: number): Buffer {
    const known = requests.get(`${index}/${size}`);
    if (known) return known;
    const success = Array.from({ length: size }, (_, n) =>
      putOp(Buffer.from(keyOf(index + n)), value),
    );
    const bytes = Buffer.from(toBinary(TxnRequestSchema, create(TxnRequestSchema, { success })));
    requests.set(`${index}/${size}`, bytes);
    return bytes;
  }

  const put: Action = (index, size) =>
    new Promise<void>((resolve, reject) => {
      // As many requests as there are keys, so that each is made once.
      const request = requestOf(index % (size * 100), size);
      client.makeUnaryRequest("/etcdserverpb.KV/Txn", asIs, asIs, request, (error) =>
        error ? reject(error) : resolve(),
      );
    });

  return { put, close: () => client.close() };
}
