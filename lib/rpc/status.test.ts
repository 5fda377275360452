import { Code, ConnectError } from "@connectrpc/connect";
import { Metadata, type status } from "@grpc/grpc-js";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { invalidFields, notFound, reasonOf } from "../errors.ts";
import { toHeaders, toMetadata } from "./metadata.ts";
import { errorFrom, statusOf } from "./status.ts";

const codes = Object.values(Code).filter((code): code is Code => typeof code === "number");

describe("an error, sent and received as a gRPC status,", () => {
  test("has the code and message it had", () => {
    const error = fc.record({ code: fc.constantFrom(...codes), message: fc.string() });
    fc.assert(
      fc.property(error, ({ code, message }) => {
        const received = errorFrom(statusOf(new ConnectError(message, code)));
        return received.code === code && received.rawMessage === message;
      }),
      { seed: 1 },
    );
  });

  test("has the details it had, also when it is passed on", () => {
    const received = errorFrom(statusOf(errorFrom(statusOf(notFound("task", "t1")))));
    expect(reasonOf(received)).toBe("TASK_NOT_FOUND");
    expect(received.findDetails(ErrorInfoSchema)[0]?.metadata).toEqual({ id: "t1" });
  });

  test("is never too much or too strange to be sent", () => {
    const strange = fc.string({ unit: fc.constantFrom("\ud800", "\udc00", "%", "\n", "ü", "\0") });
    const violations = fc.array(fc.record({ field: strange, description: strange }), {
      maxLength: 2_000,
    });
    fc.assert(
      fc.property(violations, (list) => {
        const { details, metadata } = statusOf(invalidFields(list));
        encodeURI(details);
        expect(details.length).toBeLessThanOrEqual(2_048);
        const [bytes] = metadata.get("grpc-status-details-bin");
        expect(bytes?.length ?? 0).toBeLessThanOrEqual(8_192);
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  test("goes without its details when they are too large", () => {
    const description = "x".repeat(10_000);
    const received = errorFrom(statusOf(invalidFields([{ field: "a", description }])));
    expect(received.code).toBe(Code.InvalidArgument);
    expect(received.findDetails(BadRequestSchema)).toEqual([]);
  });
});

test("details that are none are no hindrance", () => {
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from([0xff, 0xff]));
  const error = errorFrom({ code: 5, details: "gone", metadata });
  expect([error.code, error.rawMessage, error.details]).toEqual([Code.NotFound, "gone", []]);
});

test("a code that gRPC does not have is UNKNOWN", () => {
  expect(errorFrom({ code: 99 as status, details: "?", metadata: new Metadata() }).code).toBe(
    Code.Unknown,
  );
});

describe("metadata", () => {
  const names = fc
    .stringMatching(/^x-[a-z0-9_.-]{0,10}[a-z0-9]$/)
    .filter((n) => !n.endsWith("-bin"));

  test("comes back as it was, text and binary", () => {
    fc.assert(
      fc.property(names, fc.stringMatching(/^[!-~]+$/), fc.uint8Array(), (name, text, bytes) => {
        const base64 = Buffer.from(bytes).toString("base64").replace(/=+$/, "");
        const headers = new Headers({ [name]: text, "x-bytes-bin": base64 });
        expect([...toHeaders(toMetadata(headers))]).toEqual([...headers]);
      }),
      { seed: 1 },
    );
  });

  test("keeps each of several binary values", () => {
    const metadata = toMetadata(new Headers({ "x-bin": "AAE, Ag" }));
    expect(metadata.get("x-bin")).toEqual([Buffer.from([0, 1]), Buffer.from([2])]);
  });

  test("cannot speak for the protocol", () => {
    const headers = { "grpc-status": "0", "content-length": "1", te: "x", connection: "close" };
    expect(toMetadata(new Headers(headers)).getMap()).toEqual({});
  });

  test("has no characters that gRPC cannot carry", () => {
    expect(toMetadata(new Headers({ "x-name": "m\u00fcll" })).getMap()).toEqual({
      "x-name": "m?ll",
    });
  });
});

test("a stream that ended without a status is a connection that broke, not a bug", () => {
  const details = "Received RST_STREAM with code 0 (Call ended without gRPC status)";
  const error = errorFrom({ code: 13, details, metadata: new Metadata() });
  expect([error.code, reasonOf(error)]).toEqual([Code.Unavailable, "CUT_OFF"]);
  expect(errorFrom({ code: 13, details: "bug", metadata: new Metadata() }).code).toBe(
    Code.Internal,
  );
});
