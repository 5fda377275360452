import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { BadRequestSchema } from "../gen/google/rpc/error_details_pb.ts";
import { invalidFields } from "./errors.ts";
import { toStatus } from "./status.ts";

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
