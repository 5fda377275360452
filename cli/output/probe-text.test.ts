import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import { ProbeFrom, ProbeSchema } from "../../gen/berth/v1/probe_pb.ts";
import { probeText } from "./probe-text.ts";

const rhythm = { interval: durationFromMs(2_500), failureThreshold: 3 };
const textOf = (init: Omit<MessageInitShape<typeof ProbeSchema>, "$typeName">) =>
  probeText(create(ProbeSchema, init));

test("a probe is told in one line, whatever it asks", () => {
  const http = { case: "http" as const, value: { port: 80, path: "/health" } };
  expect(textOf({ check: http, ...rhythm })).toBe("http :80/health every 2.5s, fails after 3");
  const tcp = { case: "tcp" as const, value: { port: 80 } };
  expect(textOf({ check: tcp, probeFrom: ProbeFrom.MANAGER })).toBe(
    "tcp :80, asked by the manager",
  );
  expect(textOf({ check: { case: "grpc", value: { port: 50_051 } } })).toBe("grpc :50051");
  const exec = { case: "exec" as const, value: { command: ["sh", "-c", "a\nb"] } };
  expect(textOf({ check: exec })).toBe("exec sh -c a b");
  expect(probeText(undefined)).toBe("");
});
