import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { type Status, StatusSchema } from "../gen/google/rpc/status_pb.ts";

/** An error as data, details included: what a batch says of an entry that was refused. */
export function toStatus(reason: unknown): Status {
  const { code, rawMessage, details } = ConnectError.from(reason);
  return create(StatusSchema, {
    code,
    message: rawMessage,
    details: details.map((detail) =>
      "desc" in detail
        ? anyPack(detail.desc, create(detail.desc, detail.value))
        : { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value },
    ),
  });
}
