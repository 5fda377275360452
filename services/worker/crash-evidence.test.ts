import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { deleteContainer, writeLog } from "./fake-runtime-engine.ts";
import { breakEngine, containerFor } from "./fake-runtime-faults.ts";
import { describeWorker, errorOf, fence, start, waitFor } from "./test-worker.ts";

const t1 = { taskId: "t1", attempt: 1 };

describeWorker("what an attempt left behind", (worker) => {
  const evidence = async () => (await worker().client.getCrashEvidence(t1)).evidence;
  const crash = async (image: string, state = TaskState.FAILED) => {
    const spec = { name: "web", image };
    await worker().client.startTask(start("t1", { spec }));
    await waitFor(worker(), "t1", state);
  };

  test("is its last lines and what it used", async () => {
    await crash("web:after-1.exit-3");
    const told = await evidence();
    expect(told?.lines.map(({ text }) => text)).toEqual(["started"]);
    expect(told?.usage).toHaveLength(1);
    expect(told?.usage[0]?.memoryBytes).toBe(16n * 2n ** 20n);
    expect([told?.linesNote, told?.usageNote]).toEqual(["", ""]);
  });

  test("is told of one that completed as well", async () => {
    await crash("web:after-1", TaskState.COMPLETED);
    expect((await evidence())?.lines).toHaveLength(1);
  });

  test("says why there is nothing of one that had no container", async () => {
    await crash("web:nocreate");
    expect(await evidence()).toMatchObject({
      ...{ lines: [], linesNote: "there was no container" },
      ...{ usage: [], usageNote: "it never ran" },
    });
  });

  test("says so of one that was never started, and of one that somebody removed", async () => {
    await crash("web:nostart");
    expect(await evidence()).toMatchObject({
      ...{ linesNote: "its process never started", usageNote: "it never ran" },
    });
    await worker().client.startTask(start("t2"));
    await waitFor(worker(), "t2", TaskState.RUNNING);
    const container = containerFor(worker().engine, { taskId: "t2", attempt: 1 });
    if (container) deleteContainer(worker().engine, container);
    await waitFor(worker(), "t2", TaskState.FAILED);
    const told = await worker().client.getCrashEvidence({ taskId: "t2", attempt: 1 });
    expect(told.evidence?.linesNote).toBe("the container is gone, and with it what it wrote");
    expect(told.evidence?.usage).toHaveLength(1);
  });

  test("says so where the container was taken away, or the engine does not answer", async () => {
    await crash("web:after-1.exit-3");
    breakEngine(worker().engine, "down");
    expect((await evidence())?.linesNote).toContain("its log cannot be read: the engine did not");
    worker().engine.mode = "up";
    const container = containerFor(worker().engine, t1);
    if (container) deleteContainer(worker().engine, container);
    expect((await evidence())?.linesNote).toContain("its log cannot be read: there is no such");
  });

  test("is asked for only of what has ended and is known", async () => {
    await worker().client.startTask(start());
    await waitFor(worker(), "t1", TaskState.RUNNING);
    expect((await errorOf(evidence()))?.code).toBe(Code.FailedPrecondition);
    const unknown = worker().client.getCrashEvidence({ taskId: "t2", attempt: 1 });
    expect((await errorOf(unknown))?.code).toBe(Code.NotFound);
    const bad = await errorOf(worker().client.getCrashEvidence({ taskId: "t1" }));
    expect([bad?.code, bad?.rawMessage]).toEqual([
      Code.InvalidArgument,
      "attempt: is 0: must be 1 or more",
    ]);
  });

  test("goes with the attempt when that is forgotten", async () => {
    await crash("web:after-1.exit-3");
    await worker().client.forgetTask({ ...t1, ...fence });
    expect((await errorOf(evidence()))?.code).toBe(Code.NotFound);
  });

  test("is bounded, however much was written", async () => {
    await worker().client.startTask(start());
    await waitFor(worker(), "t1", TaskState.RUNNING);
    const container = containerFor(worker().engine, t1);
    if (!container) throw new Error("t1 has a container");
    for (let i = 0; i < 100; i++) writeLog(worker().engine, container, `${"x".repeat(500)}\n`);
    const { epoch, clusterId } = fence;
    const failure = { reason: 70, message: "unwell" };
    await worker().client.stopTask({ ...t1, epoch, clusterId, failure });
    await waitFor(worker(), "t1", TaskState.FAILED);
    const told = await evidence();
    expect(told?.lines.length).toBeGreaterThan(5);
    expect(told?.lines.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(6_144);
    expect(told?.hasEarlierLines).toBe(true);
  });
});
