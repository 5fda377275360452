import { Code } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { containerSpec } from "./container-spec.ts";
import { containerFor } from "./fake-runtime-faults.ts";
import { describeWorker, errorOf, start, type TestWorker, waitFor } from "./test-worker.ts";

const key = { taskId: "t1", attempt: 1 };

/** A start of a task that reserves these, with what the manager chose. */
const startWith = (counts: Record<string, number>, chosen: Record<string, string[]> = {}) => {
  const custom = Object.entries(counts).map(([name, n]) => [name, { count: BigInt(n) }] as const);
  const assigned = Object.entries(chosen).map(([name, ids]) => [name, { ids }] as const);
  return start("t1", {
    spec: { image: "web:1", reservation: { custom: Object.fromEntries(custom) } },
    assigned: Object.fromEntries(assigned),
  });
};

/** What the engine is asked to make of the attempt, in Docker's words. */
function askedOf({ engine }: TestWorker) {
  const spec = containerFor(engine, key)?.spec;
  if (!spec) throw new Error("no container was made");
  const owner = { clusterId: "c1", workerId: "w1" };
  return containerSpec({ key, spec, owner, publishAddress: "127.0.0.1" }).body;
}

// The worker of these tests offers gpu=/dev/gpu0,GPU-b and licence=4.
describeWorker("custom resources", (worker) => {
  test("reach the container: IDs, a number, and devices as such", async () => {
    await worker().client.startTask(
      startWith({ gpu: 2, licence: 3 }, { gpu: ["/dev/gpu0", "GPU-b"] }),
    );
    await waitFor(worker(), "t1", TaskState.RUNNING);
    const path = "/dev/gpu0";
    expect(askedOf(worker())).toMatchObject({
      Env: ["BERTH_RESOURCE_GPU=/dev/gpu0,GPU-b", "BERTH_RESOURCE_LICENCE=3"],
      HostConfig: {
        Devices: [{ PathOnHost: path, PathInContainer: path, CgroupPermissions: "rw" }],
      },
    });
  });

  describe("are refused when the worker offers", () => {
    test.each<[string, ReturnType<typeof startWith>]>([
      ["no such kind", startWith({ port: 1 })],
      ["no such name", startWith({ gpu: 1 }, { gpu: ["/dev/sda"] })],
      ["names and the attempt has none", startWith({ gpu: 1 })],
      ["names and the attempt has too few", startWith({ gpu: 2 }, { gpu: ["GPU-b"] })],
      ["a number and the attempt has a name", startWith({ licence: 1 }, { licence: ["l1"] })],
    ])("%s", async (_, request) => {
      const error = await errorOf(worker().client.startTask(request));
      expect([error?.code, reasonOf(error)]).toEqual([
        Code.PermissionDenied,
        "RESOURCE_NOT_OFFERED",
      ]);
      expect(containerFor(worker().engine, key)).toBeUndefined();
    });
  });

  test("that the task does not reserve are not handed over", async () => {
    const error = await errorOf(worker().client.startTask(startWith({}, { gpu: ["GPU-b"] })));
    expect(error?.code).toBe(Code.InvalidArgument);
    expect(error?.rawMessage).toContain('assigned["gpu"]');
  });
});
