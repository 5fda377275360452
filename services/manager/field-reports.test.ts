import { afterEach, describe, expect, test } from "@jest/globals";
import { FieldOrigin, type FieldReport } from "../../gen/berth/v1/field_report_pb.ts";
import { createManagerRig, type WireName } from "./testing/manager-rig.ts";

const spec = { image: "busybox:1", name: "web", args: ["sleep", "9"] };

const originsIn = (report: FieldReport | undefined) =>
  Object.fromEntries((report?.fields ?? []).map(({ path, origin }) => [path, FieldOrigin[origin]]));

describe.each<WireName>(["memory", "grpc"])("field reports over %s", (wire) => {
  const closings: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closings.splice(0)) await close();
  });

  async function openClient() {
    const rig = await createManagerRig({ wire });
    closings.push(rig.close);
    return rig.client;
  }

  test("come with a submit, a dry run and a repeated call", async () => {
    const client = await openClient();
    const origins = { "spec.args": "REQUEST", "spec.scheduler": "MANAGER", "spec.user": "IMAGE" };
    const submitted = await client.submitTask({ spec, requestId: "r1" });
    expect(originsIn(submitted.fieldReport)).toMatchObject(origins);
    const tried = await client.submitTask({ spec, validateOnly: true });
    expect(originsIn(tried.fieldReport)).toMatchObject(origins);
    const repeated = await client.submitTask({ spec, requestId: "r1" });
    expect(repeated).toEqual(submitted);
  });

  test("are left out for callers that want none, which makes no other request of it", async () => {
    const client = await openClient();
    const { task, fieldReport } = await client.submitTask({
      ...{ spec, requestId: "r1" },
      omitFieldReport: true,
    });
    expect(fieldReport).toBeUndefined();
    expect((await client.submitTask({ spec, requestId: "r1" })).task?.id).toBe(task?.id);
  });

  test("are shared by the entries of a batch that set the same fields", async () => {
    const client = await openClient();
    const { results, fieldReports } = await client.submitTasks({
      requests: [
        { spec },
        { spec: { ...spec, name: "api" } },
        { spec: { image: "UPPER CASE" } },
        { spec: { image: "redis" } },
        { spec, omitFieldReport: true },
      ],
    });
    expect(results.map(({ fieldReport }) => fieldReport)).toEqual([0, 0, undefined, 1, undefined]);
    expect(fieldReports.map((report) => originsIn(report)["spec.args"])).toEqual([
      "REQUEST",
      "IMAGE",
    ]);
  });
});
