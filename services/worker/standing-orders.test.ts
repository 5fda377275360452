import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { OnDisconnect, TaskSpecSchema } from "../../gen/berth/v1/task_pb.ts";
import { labelsOf } from "./container-labels.ts";
import { labelsOfOrders, ordersFromLabels, ordersOf } from "./standing-orders.ts";

const owner = { clusterId: "c1", workerId: "w1" };
const key = { taskId: "t1", attempt: 1 };

test("what a spec orders is read back from the container's labels", () => {
  const spec = fc.record({
    onDisconnect: fc.constantFrom(OnDisconnect.STOP, OnDisconnect.KEEP_RUNNING),
    stopGrace: fc.option(fc.integer({ min: 0, max: 3_600_000 }).map(durationFromMs), {
      nil: undefined,
    }),
    labels: fc.dictionary(
      fc.constantFrom("dev.berth.on-disconnect", "dev.berth.alias", "berth.dns/name"),
      fc.oneof(fc.string(), fc.constantFrom("web", "api-2")),
    ),
  });
  fc.assert(
    fc.property(spec, ({ stopGrace, ...fields }) => {
      const made = create(TaskSpecSchema, { ...fields, ...(stopGrace && { stopGrace }) });
      expect(ordersFromLabels(labelsOf(key, made, owner))).toEqual(ordersOf(made));
    }),
  );
});

test("a name that a label asks for is an order, if DNS can have it", () => {
  const aliasOf = (name: string) =>
    ordersOf(create(TaskSpecSchema, { labels: { "berth.dns/name": name } })).alias;
  expect([aliasOf("web"), aliasOf("Web shop")]).toEqual(["web", undefined]);
  expect(ordersFromLabels({ "dev.berth.alias": "a.b" }).alias).toBeUndefined();
});

test("a container without orders has no labels for them", () => {
  expect(labelsOfOrders(ordersOf(create(TaskSpecSchema)))).toEqual({});
});

test.each(["", "soon", "-1", "Infinity"])("a grace of %j is read as the usual one", (grace) => {
  const labels = { "dev.berth.on-disconnect": "stop", "dev.berth.stop-grace-ms": grace };
  expect(ordersFromLabels(labels).onDisconnect).toEqual({ kind: "stop", graceMs: 10_000 });
});
