import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { FieldOrigin } from "../gen/berth/v1/field_report_pb.ts";
import { NetworkMode, type TaskSpec, TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { absences } from "./field-absence.ts";
import { fieldReport, partsOf } from "./field-report.ts";
import { withDefaults } from "./task-spec.ts";
import { anyValidSpec } from "./task-spec-arbitrary.ts";

const taken = (spec: TaskSpec) => withDefaults(spec, { taskId: "t1", scheduler: "spread" });

const reportOf = (init: MessageInitShape<typeof TaskSpecSchema>) => {
  const spec = create(TaskSpecSchema, init);
  const { fields } = fieldReport(spec, taken(spec));
  return new Map(fields.map((each) => [each.path, each]));
};

/** The names of all fields that a report can tell of, by the contract alone. */
function namesIn(desc: DescMessage, names = new Set<string>()): Set<string> {
  for (const field of desc.fields) {
    const name = `${desc.name}.${field.name}`;
    if (names.has(name)) continue;
    names.add(name);
    const parts = partsOf(field);
    if (parts) namesIn(parts, names);
  }
  return names;
}

describe("what the absence of a field means", () => {
  test("is written down for every field of the contract, and for no other", () => {
    expect(Object.keys(absences).sort()).toEqual([...namesIn(TaskSpecSchema)].sort());
  });

  test("is never left empty", () => {
    for (const { meaning } of Object.values(absences)) expect(meaning).not.toBe("");
  });
});

describe("a field report", () => {
  test("tells what was set, what was filled in, and what others decide", () => {
    const report = reportOf({
      image: "nginx",
      limit: { memoryBytes: 1n << 30n },
      ports: [{ containerPort: 80 }],
    });
    const told = (path: string) => {
      const { origin, meaning } = report.get(path) ?? {};
      return [FieldOrigin[origin ?? 0], meaning];
    };
    expect(told("spec.image")).toEqual(["REQUEST", ""]);
    expect(told("spec.limit.memory_bytes")).toEqual(["REQUEST", ""]);
    expect(told("spec.name")).toEqual(["MANAGER", "the task's ID"]);
    expect(told("spec.reservation.memory_bytes")).toEqual(["MANAGER", "the limit"]);
    expect(told("spec.reservation.cpu_millis")).toEqual(["NONE", "nothing is set aside"]);
    expect(told("spec.limit.pids")).toEqual(["MANAGER", "512"]);
    expect(told("spec.ports[0].container_port")).toEqual(["REQUEST", ""]);
    expect(told("spec.ports[0].protocol")).toEqual(["MANAGER", "TCP"]);
    expect(told("spec.ports[0].host_port")).toEqual(["WORKER", "any free port"]);
    expect(told("spec.working_dir")).toEqual(["IMAGE", "the image's working directory"]);
    expect(told("spec.pull_timeout")).toEqual(["WORKER", "10 minutes"]);
  });

  test("tells of the check that a probe has, not of those that it has not", () => {
    const check = { case: "http" as const, value: { port: 80 } };
    const paths = [...reportOf({ image: "nginx", livenessProbe: { check } }).keys()];
    const probe = paths.filter((path) => path.startsWith("spec.liveness_probe."));
    expect(probe).toContain("spec.liveness_probe.http.path");
    expect(probe.filter((path) => /\.(tcp|exec|grpc)\b/.test(path))).toEqual([]);
  });

  test("tells where a default comes from another field", () => {
    const ports = [{ containerPort: 80 }];
    const report = reportOf({ image: "nginx", networkMode: NetworkMode.HOST, ports });
    const { origin, meaning } = report.get("spec.ports[0].host_port") ?? {};
    expect([origin, meaning]).toEqual([FieldOrigin.MANAGER, "container_port"]);
  });

  test("has each field of the spec, once, and calls none required that is absent", () => {
    fc.assert(
      fc.property(anyValidSpec(), (spec) => {
        const { fields } = fieldReport(spec, taken(spec));
        const paths = fields.map(({ path }) => path);
        expect(new Set(paths).size).toBe(paths.length);
        for (const { name } of TaskSpecSchema.fields)
          expect(paths.some((path) => topOf(path) === name)).toBe(true);
        for (const { meaning } of fields) expect(meaning).not.toBe("required");
      }),
    );
  });

  test("says that the request decides exactly what a default does not touch", () => {
    fc.assert(
      fc.property(anyValidSpec(), (spec) => {
        const once = taken(spec);
        const again = fieldReport(once, taken(once)).fields;
        const filled = again.filter(({ origin }) => origin === FieldOrigin.MANAGER);
        expect(filled).toEqual([]);
      }),
    );
  });
});

const topOf = (path: string): string => path.split(/[.[]/)[1] ?? "";
