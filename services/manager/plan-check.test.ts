import { Code } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { aReport } from "../../test/builders.ts";
import { createPlanRig, failureOf, specOf, submitStep } from "./testing/plan-rig.ts";

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function openRig(options: Parameters<typeof createPlanRig>[0] = {}) {
  const rig = await createPlanRig(options);
  closings.push(rig.close);
  return rig;
}

describe("a check index", () => {
  const request = (gib: number, checkIndex: string) => ({ spec: specOf(gib), checkIndex });

  test("lets a task in while the plan holds, whatever else has happened", async () => {
    const { join, plan, client, run, observer } = await openRig();
    join("w1");
    join("w2");
    const id = await run(1, "old");
    const { checkIndex } = await plan(submitStep(6));
    observer.report(aReport(id, TaskState.RUNNING, { containerId: "c1", message: "news" }));
    const { task } = await client.submitTask(request(6, checkIndex));
    expect(task?.attempt?.placement?.workerId).toBe("w2");
  });

  test("refuses it when it would go elsewhere, or wait, and says where it would go now", async () => {
    const { join, plan, client, run, pause, ledger } = await openRig();
    join("w1");
    join("w2");
    const { checkIndex } = await plan(submitStep(6));
    await run(1, "other");
    const moved = await failureOf(client.submitTask(request(6, checkIndex)));
    expect([moved.code, reasonOf(moved), moved.rawMessage]).toEqual([
      Code.Aborted,
      "PLAN_OUTDATED",
      `the plan of revision 0 no longer holds at revision ${ledger.revision()}, or is of other ` +
        "tasks: now web would go to w2; plan again",
    ]);
    await pause("w1");
    await pause("w2");
    expect((await failureOf(client.submitTask(request(6, checkIndex)))).rawMessage).toContain(
      "web would wait (2 workers not ready)",
    );
    expect(ledger.tasks.size).toBe(1);
  });

  test("sees changes of workers, which have no revision", async () => {
    const { join, plan, client, pause, ledger } = await openRig();
    join("w1");
    join("w2");
    const { checkIndex } = await plan(submitStep(6));
    const before = ledger.revision();
    await pause("w1");
    expect(ledger.revision()).toBe(before);
    const error = await failureOf(client.submitTask(request(6, checkIndex)));
    expect(reasonOf(error)).toBe("PLAN_OUTDATED");
  });

  test("may allow any worker, so that only a lost place counts", async () => {
    const { join, client, run } = await openRig();
    join("w1");
    join("w2");
    const steps = [submitStep(6)];
    const { checkIndex } = await client.planTasks({ steps, anyWorker: true });
    await run(4, "other");
    expect(
      (await client.submitTask(request(6, checkIndex))).task?.attempt?.placement?.workerId,
    ).toBe("w2");
    expect(reasonOf(await failureOf(client.submitTask(request(6, checkIndex))))).toBe(
      "PLAN_OUTDATED",
    );
  });

  test("is of the tasks that were planned, and of no others", async () => {
    const { join, plan, client } = await openRig();
    join("w1");
    const { checkIndex } = await plan(submitStep(6));
    const error = await failureOf(client.submitTask(request(5, checkIndex)));
    expect(reasonOf(error)).toBe("PLAN_OUTDATED");
  });

  test("that no plan can have given is refused with its field", async () => {
    const { client } = await openRig();
    const error = await failureOf(client.submitTask(request(6, "12")));
    expect([error.code, error.rawMessage]).toEqual([
      Code.InvalidArgument,
      'check_index: is "12": must be what a plan answered, such as 12-0123456789ab',
    ]);
  });

  test("of many tasks lets in all or none", async () => {
    const { join, plan, client, ledger } = await openRig();
    join("w1");
    join("w2");
    const { checkIndex } = await plan(submitStep(6, "a"), submitStep(6, "b"));
    const requests = ["a", "b"].map((name) => ({ spec: specOf(6, name), requestId: `r-${name}` }));
    const bad = [...requests.slice(0, 1), { spec: {} }];
    expect(
      (await failureOf(client.submitTasks({ requests: bad, checkIndex }))).rawMessage,
    ).toContain("requests[1].spec.image");
    const { results } = await client.submitTasks({ requests, checkIndex });
    expect(results.map(({ outcome }) => outcome.case)).toEqual(["task", "task"]);
    const again = await client.submitTasks({ requests, checkIndex });
    expect(again.results.map(({ outcome }) => outcome.case)).toEqual(["task", "task"]);
    const others = requests.map(({ spec }) => ({ spec }));
    const error = await failureOf(client.submitTasks({ requests: others, checkIndex }));
    expect(reasonOf(error)).toBe("PLAN_OUTDATED");
    expect(ledger.tasks.size).toBe(2);
  });

  test("belongs beside the entries of a batch, not into them", async () => {
    const { join, plan, client } = await openRig();
    join("w1");
    const { checkIndex } = await plan(submitStep(6));
    const error = await failureOf(client.submitTasks({ requests: [request(6, checkIndex)] }));
    expect(error.rawMessage).toBe(
      "requests[0].check_index: is set: plans are of whole calls, so set check_index beside requests",
    );
  });
});
