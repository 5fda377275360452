import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import { withDefaults } from "../../core/task-spec.ts";
import { ProbeFrom } from "../../gen/berth/v1/probe_pb.ts";
import { TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { labelsOfProbing, probingFromLabels, probingOf } from "./prober-orders.ts";

const http = { check: { case: "http" as const, value: { port: 80, path: "/health" } } };
const tcp = { check: { case: "tcp" as const, value: { port: 5432 } } };
const exec = { check: { case: "exec" as const, value: { command: ["sh", "-c", "echo '\"'"] } } };

test("what the worker has to ask is read back from the container's labels", () => {
  const given = create(TaskSpecSchema, {
    startupProbe: exec,
    livenessProbe: { ...http, interval: durationFromMs(500), failureThreshold: 5 },
    readinessProbe: { ...tcp, probeFrom: ProbeFrom.MANAGER },
    stopGrace: durationFromMs(1_500),
  });
  for (const spec of [given, withDefaults(given, { taskId: "t1" })]) {
    const probing = probingOf(spec);
    expect(probing?.plan.readiness).toBeUndefined();
    expect(probing && probingFromLabels(labelsOfProbing(probing))).toEqual(probing);
  }
});

test("nothing to ask is no order", () => {
  expect(probingOf(create(TaskSpecSchema))).toBeUndefined();
  expect(probingFromLabels({})).toBeUndefined();
});

test.each(["", "{", "[]", '{"livenessProbe":3}'])("garbled probes %j are not asked", (text) => {
  expect(probingFromLabels({ "dev.berth.probes": text })).toBeUndefined();
});
