import { clone, create, equals } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  NetworkMode,
  OnDisconnect,
  PortProtocol,
  PullPolicy,
  RestartMode,
  TaskSpecSchema,
} from "../gen/berth/v1/task_pb.ts";
import { withDefaults } from "./task-spec.ts";
import { anyValidSpec } from "./task-spec-arbitrary.ts";
import { validateTaskSpec } from "./validate-task-spec.ts";

const MIB = 1n << 20n;

test("fills in every default that the contract names", () => {
  const spec = create(TaskSpecSchema, { image: "nginx", ports: [{ containerPort: 80 }] });
  expect(withDefaults(spec, { taskId: "t-1", scheduler: "spread" })).toMatchObject({
    name: "t-1",
    networkMode: NetworkMode.BRIDGE,
    ports: [{ containerPort: 80, protocol: PortProtocol.TCP }],
    restartPolicy: { mode: RestartMode.NO },
    pullPolicy: PullPolicy.IF_NOT_PRESENT,
    stopGrace: { seconds: 10n, nanos: 0 },
    limit: { pids: 512n },
    scheduler: "spread",
    onDisconnect: OnDisconnect.KEEP_RUNNING,
  });
});

test("takes an absent reservation from the limit, field by field", () => {
  const spec = create(TaskSpecSchema, {
    reservation: { memoryBytes: 64n * MIB },
    limit: { memoryBytes: 128n * MIB, cpuMillis: 500n },
  });
  const { reservation } = withDefaults(spec, { taskId: "t-1" });
  expect(reservation).toMatchObject({ memoryBytes: 64n * MIB, cpuMillis: 500n });
  expect(reservation?.diskBytes).toBeUndefined();
});

test("keeps a reservation of nothing", () => {
  const spec = create(TaskSpecSchema, {
    reservation: { cpuMillis: 0n },
    limit: { cpuMillis: 10n },
  });
  expect(withDefaults(spec, { taskId: "t-1" }).reservation?.cpuMillis).toBe(0n);
});

test("makes a port of the worker's own network a port of the worker", () => {
  const spec = create(TaskSpecSchema, {
    networkMode: NetworkMode.HOST,
    ports: [{ containerPort: 80 }],
  });
  expect(withDefaults(spec, { taskId: "t-1" }).ports[0]?.hostPort).toBe(80);
});

test("leaves its input as it is, settles at once, and keeps a valid spec valid", () => {
  fc.assert(
    fc.property(anyValidSpec(), (spec) => {
      const before = clone(TaskSpecSchema, spec);
      const once = withDefaults(spec, { taskId: "t-1", scheduler: "spread" });
      expect(equals(TaskSpecSchema, spec, before)).toBe(true);
      expect(withDefaults(once, { taskId: "t-2", scheduler: "binpack" })).toEqual(once);
      expect(validateTaskSpec(once, { schedulers: ["spread"] })).toEqual([]);
    }),
  );
});
