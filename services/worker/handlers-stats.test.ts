import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { breakEngine } from "./fake-runtime-faults.ts";
import { attemptAt } from "./test-attempt.ts";
import { describeWorker, errorOf, start, waitFor } from "./test-worker.ts";
import { createUsageSampler, SHARED_MS } from "./usage-sampler.ts";

describeWorker("figures", (worker) => {
  const firstRound = async (request = {}) => {
    for await (const round of worker().client.streamTaskStats(request)) return round;
    return undefined;
  };

  test("are of every attempt that runs, or of those that were named", async () => {
    for (const id of ["t1", "t2"]) {
      await worker().client.startTask(start(id));
      await waitFor(worker(), id, TaskState.RUNNING);
    }
    const round = await firstRound();
    const [one] = round?.stats ?? [];
    expect(round?.stats.map(({ taskId }) => taskId)).toEqual(["t1", "t2"]);
    expect(one).toMatchObject({ attempt: 1, taskName: "web", workerId: "w1", processCount: 2n });
    expect([one?.memoryBytes, one?.cpuPercent]).toEqual([16n * 2n ** 20n, undefined]);
    expect((await firstRound({ taskIds: ["t2"] }))?.stats).toHaveLength(1);
    expect((await firstRound({ taskIds: ["t3"] }))?.complete).toBe(true);
  });

  test("that the engine does not give are a warning", async () => {
    await worker().client.startTask(start());
    await waitFor(worker(), "t1", TaskState.RUNNING);
    breakEngine(worker().engine, "down");
    const round = await firstRound();
    expect(round?.stats).toEqual([]);
    expect(round?.warnings[0]).toMatchObject({ taskId: "t1", workerId: "w1" });
    expect(round?.warnings[0]?.message).toContain("engine did not answer");
  });

  test("are refused at an interval that nobody needs", async () => {
    await worker().client.startTask(start());
    const error = await errorOf(firstRound({ interval: { nanos: 1e8 } }));
    expect([error?.code, error?.rawMessage]).toEqual([
      Code.InvalidArgument,
      "interval: is 0.1 s: must be 1 to 3600 s",
    ]);
  });
});

test("who asks at about the same time shares one measurement", async () => {
  const clock = createManualClock();
  let count = 0;
  const usage = async () => void count++;
  const sampler = createUsageSampler({ runtime: { usage } as never, clock });
  const container = { id: "c1", startTimeMs: 0, ports: [] };
  const attempts = [attemptAt({ kind: "running", container })];
  await Promise.all([sampler.sample(attempts), sampler.sample(attempts)]);
  expect(count).toBe(1);
  await clock.advance(SHARED_MS);
  expect(await sampler.sample(attempts)).toMatchObject([{ measured: { kind: "absent" } }]);
  expect(count).toBe(2);
  expect(await sampler.sample([attemptAt({ kind: "pulling" })])).toEqual([]);
});
