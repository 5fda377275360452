import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { EndpointSchema } from "../../gen/berth/v1/endpoint_pb.ts";
import { Role, type WorkerDescriptionSchema } from "../../gen/berth/v1/worker_pb.ts";
import type { FieldViolation } from "../../lib/errors.ts";
import { checkFarewell, checkHeartbeat, checkName, checkRegistration } from "./checks.ts";
import { registryLimits } from "./limits.ts";
import { descriptionOf, heartbeatOf, registrationOf } from "./test-words.ts";

const tooLong = "x".repeat(registryLimits.textChars + 1);
const sentences = (violations: readonly FieldViolation[]) =>
  violations.map(({ field, description }) => `${field}: ${description}`);

describe("a registration", () => {
  test("may be as full as it gets", () => {
    const labels = Object.fromEntries(
      Array.from({ length: registryLimits.listEntries }, (_, i) => [`key-${i}`, ""]),
    );
    const roles = [Role.MANAGER, Role.REGISTRY, Role.WORKER];
    const description = descriptionOf("w1", { labels, roles, address: "[::1]:7072" });
    expect(checkRegistration(registrationOf("a".repeat(64), { description }))).toEqual([]);
  });

  test.each([["W1"], ["w_1"], [""], ["a".repeat(65)], ["w1\n"]])(
    "refuses the ID %j",
    (workerId) => {
      expect(sentences(checkRegistration(registrationOf(workerId, { instanceId: "i" })))).toEqual([
        `registration.worker_id: ${JSON.stringify(workerId)}: use 1 to 64 of the characters a-z, 0-9 and -`,
      ]);
    },
  );

  test("refuses a session number that cannot be one", () => {
    const registration = registrationOf("w1", { sessionNumber: -1n });
    expect(sentences(checkRegistration(registration))).toEqual([
      "registration.session_number: -1: must be 0 or more",
    ]);
  });

  test.each<[string, MessageInitShape<typeof WorkerDescriptionSchema>, string]>([
    ["address without a port", { address: "localhost" }, 'address "localhost" is not host:port'],
    ["address with any port", { address: "localhost:0" }, "name the port that others connect to"],
    ["hostname of great length", { hostname: tooLong }, "shorten it to 256"],
    ["label without a key", { labels: { "": "x" } }, "a label has an empty key"],
    ["label of great length", { labels: { zone: tooLong } }, 'labels["zone"]: has 257 characters'],
    ["number of capabilities", { capabilities: Array(65).fill("x") }, "has 65 entries: at most 64"],
    ["unknown role", { roles: [77 as Role] }, "77 is not a known role"],
  ])("refuses an %s", (_name, changes, message) => {
    const registration = registrationOf("w1", { description: descriptionOf("w1", changes) });
    const found = sentences(checkRegistration(registration));
    expect(found).toEqual([expect.stringContaining(message)]);
  });
});

describe("a heartbeat", () => {
  test("may be empty", () => {
    expect(checkHeartbeat(heartbeatOf())).toEqual([]);
  });

  test("refuses measurements that measure nothing", () => {
    const metrics = { cpuPercent: Number.NaN, load1m: -0.1, memoryTotalBytes: -1n };
    expect(sentences(checkHeartbeat(heartbeatOf({ metrics })))).toEqual([
      "heartbeat.metrics.cpu_percent: NaN: must be 0 or more",
      "heartbeat.metrics.load_1m: -0.1: must be 0 or more",
      "heartbeat.metrics.memory_total_bytes: -1: must be 0 or more",
    ]);
  });

  test("refuses more endpoints than are kept", () => {
    const endpoint = create(EndpointSchema, {
      name: "web",
      taskId: "t1",
      attempt: 1,
      host: "h",
      port: 1,
    });
    const endpoints = { endpoints: Array(registryLimits.endpointsPerWorker + 1).fill(endpoint) };
    expect(sentences(checkHeartbeat(heartbeatOf({ endpoints })))).toEqual([
      "heartbeat.endpoints: has 10001 entries: at most 10000 are kept",
    ]);
  });
});

test("a name is required and of bearable length", () => {
  expect(checkName("web")).toEqual([]);
  expect(sentences(checkName(""))).toEqual(["name: is required: give one"]);
  expect(checkName(tooLong)).toHaveLength(1);
});

test("a farewell needs no reason, but may not tell a story", () => {
  expect(checkFarewell("")).toEqual([]);
  expect(checkFarewell(tooLong)).toHaveLength(1);
});
