import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { ResourcesSchema } from "../gen/berth/v1/resources_pb.ts";
import { TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import { variableOf } from "./custom-resources.ts";
import { checkCustomOffers } from "./validate-custom.ts";
import { validateTaskSpec } from "./validate-task-spec.ts";

type CustomInit = NonNullable<MessageInitShape<typeof ResourcesSchema>["custom"]>;

const reserve = (custom: CustomInit, env: Record<string, string> = {}) =>
  validateTaskSpec(create(TaskSpecSchema, { image: "nginx", env, reservation: { custom } }), {
    schedulers: [],
  });

const offer = (custom: CustomInit) => [
  ...checkCustomOffers("capacity.custom", create(ResourcesSchema, { custom }).custom),
];

const many = (count: number): CustomInit =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`r${i}`, { count: 1n }]));

describe("a reservation", () => {
  test("is a number for each name", () => {
    expect(reserve({ gpu: { count: 1n }, "vendor.com/a-b": { count: 1_000_000n } })).toEqual([]);
    expect(reserve(many(16))).toEqual([]);
  });

  test.each<[string, CustomInit]>([
    ['spec.reservation.custom["gpu"].count', { gpu: {} }],
    ['spec.reservation.custom["gpu"].count', { gpu: { count: -1n } }],
    ['spec.reservation.custom["gpu"].count', { gpu: { count: 1_000_001n } }],
    ['spec.reservation.custom["gpu"].ids', { gpu: { count: 1n, ids: ["GPU-a"] } }],
    ['spec.reservation.custom["GPU"]', { GPU: { count: 1n } }],
    ['spec.reservation.custom[""]', { "": { count: 1n } }],
    ["spec.reservation.custom", many(17)],
  ])("is refused where %s is wrong", (field, custom) => {
    expect(reserve(custom).map((found) => found.field)).toEqual([field]);
  });

  test("names nothing itself, and is told who does", () => {
    expect(reserve({ gpu: { count: 1n, ids: ["a", "b"] } })).toEqual([
      {
        field: 'spec.reservation.custom["gpu"].ids',
        description: "has 2 entries: the manager chooses which, so leave them out and set count",
      },
    ]);
  });

  test("of two resources that share a variable is refused", () => {
    expect(reserve({ "a.b": { count: 1n }, "a-b": { count: 1n } })).toEqual([
      {
        field: 'spec.reservation.custom["a-b"]',
        description:
          'would be handed over as BERTH_RESOURCE_A_B, as would "a.b": reserve one of them only',
      },
    ]);
  });

  test("hides no variable of the user's, whatever it is called", () => {
    const env = { BERTH_RESOURCE_GPU: "mine", BERTH_RESOURCE_OTHER: "fine" };
    expect(reserve({ gpu: { count: 1n } }, env)).toEqual([
      {
        field: 'spec.env["BERTH_RESOURCE_GPU"]',
        description: 'is what tells of the reserved "gpu": leave it out or use another name',
      },
    ]);
    expect(reserve({}, env)).toEqual([]);
  });
});

describe("a capacity", () => {
  test("is a number, or names and perhaps their number", () => {
    expect(
      offer({
        licence: { count: 4n },
        gpu: { ids: ["GPU-a", "/dev/nvidia0"] },
        port: { count: 1n, ids: ["x".repeat(128)] },
      }),
    ).toEqual([]);
  });

  test.each<[string, CustomInit]>([
    ['capacity.custom["gpu"].count', { gpu: {} }],
    ['capacity.custom["gpu"].count', { gpu: { count: 3n, ids: ["a", "b"] } }],
    ['capacity.custom["gpu"].ids[1]', { gpu: { ids: ["a", ""] } }],
    ['capacity.custom["gpu"].ids[0]', { gpu: { ids: ["a,b"] } }],
    ['capacity.custom["gpu"].ids[0]', { gpu: { ids: ["a b"] } }],
    ['capacity.custom["gpu"].ids[0]', { gpu: { ids: ["é"] } }],
    ['capacity.custom["gpu"].ids[0]', { gpu: { ids: ["x".repeat(129)] } }],
    ['capacity.custom["gpu"].ids[2]', { gpu: { ids: ["a", "b", "a"] } }],
    ['capacity.custom["gpu"].ids[0]', { gpu: { ids: ["/dev/../etc"] } }],
    ['capacity.custom["gpu"].ids[0]', { gpu: { ids: ["/dev/"] } }],
    ['capacity.custom["gpu"].ids', { gpu: { ids: Array.from({ length: 65 }, (_, i) => `${i}`) } }],
    ['capacity.custom["a b"]', { "a b": { count: 1n } }],
    ["capacity.custom", many(17)],
  ])("is refused where %s is wrong: %j", (field, custom) => {
    expect(offer(custom).map((found) => found.field)).toEqual([field]);
  });
});

test("the variable is the name in capitals, with _ for what no shell takes", () => {
  expect(variableOf("vendor.com/gpu-2")).toBe("BERTH_RESOURCE_VENDOR_COM_GPU_2");
});
