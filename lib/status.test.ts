import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { BadRequestSchema } from "../gen/google/rpc/error_details_pb.ts";
import { denied, invalidFields, reasonOf } from "./errors.ts";
import { fromStatus, toStatus } from "./status.ts";

test("an error keeps its code, its message and its details as data", () => {
  const status = toStatus(invalidFields([{ field: "spec.image", description: "is required" }]));
  expect(status.code).toBe(Code.InvalidArgument);
  expect(status.message).toBe("spec.image: is required");
  const [detail] = status.details;
  const violations = detail && anyUnpack(detail, BadRequestSchema)?.fieldViolations;
  expect(violations).toMatchObject([{ field: "spec.image", description: "is required" }]);
});

test("an error that is none of ours becomes UNKNOWN", () => {
  expect(toStatus(new Error("boom")).code).toBe(Code.Unknown);
});

test("there and back, an error still says its reason", () => {
  const error = fromStatus(toStatus(denied("HOST_NETWORK_DENIED", "not here")));
  expect([error.code, error.rawMessage]).toEqual([Code.PermissionDenied, "not here"]);
  expect(reasonOf(error)).toBe("HOST_NETWORK_DENIED");
});
