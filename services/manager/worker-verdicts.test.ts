import { afterEach, describe, expect, test } from "@jest/globals";
import { Suitability } from "../../gen/berth/v1/explanation_pb.ts";
import { RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { aPresence, aReport } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import { createPlacementRig, idsOf, memory } from "./testing/placement-rig.ts";

const { PREFERRED, FITS, AVOIDED, EXCLUDED } = Suitability;

const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0)) await close();
});

async function openRig() {
  const rig = await createPlacementRig();
  closings.push(rig.close);
  return rig;
}

describe("a placed task", () => {
  test("has its placement as it was stored, and its own worker judged without it", async () => {
    const { submit, join, explain } = await openRig();
    for (const id of ["w1", "w2", "w3"]) join(id);
    const id = await submit({ ...memory(5), ports: [{ containerPort: 80, hostPort: 8080 }] });
    const before = await explain(id);
    const [home] = before.workers;
    expect(home).toMatchObject({
      workerId: "w1",
      suitability: FITS,
      attempts: [1],
      objections: [],
    });
    expect(before.workers[1]).toEqual({ ...home, workerId: "w2", attempts: [] });
    await submit(memory(6));
    const after = await explain(id);
    expect(after.task?.attempt?.placement).toEqual(before.task?.attempt?.placement);
    expect(idsOf(after)).toEqual(["w1", "w3", "w2"]);
    expect(after.workers[0]).toEqual(home);
    expect(after.summary).toBe("is scheduled on w1: waits for worker w1 to accept it");
  });

  test("is marked on its worker also where that can no longer take it", async () => {
    const { submit, join, explain, pause } = await openRig();
    join("w1");
    const id = await submit();
    join("w0");
    await pause("w1");
    expect((await explain(id)).workers).toMatchObject([
      { workerId: "w1", suitability: EXCLUDED, attempts: [1] },
      { workerId: "w0", suitability: FITS, attempts: [] },
    ]);
  });

  test("is not moved, booked or put out of turn by being explained", async () => {
    const { submit, join, explain, board, ledger } = await openRig();
    for (const id of ["w1", "w2", "w3"]) join(id);
    const placed: (string | undefined)[] = [];
    for (let i = 0; i < 6; i++) {
      const id = await submit({ scheduler: "round-robin" });
      const before = [ledger.revision(), board.placer.candidate("w1")];
      await explain(id);
      expect([ledger.revision(), board.placer.candidate("w1")]).toEqual(before);
      placed.push(ledger.tasks.get(id)?.attempt?.placement?.workerId);
    }
    expect(placed).toEqual(["w1", "w2", "w3", "w1", "w2", "w3"]);
  });
});

describe("a task with a past", () => {
  test("has workers that it prefers, avoids, or that refused it", async () => {
    const { submit, join, explain, observer, isIn, clock } = await openRig();
    join("w1");
    const id = await submit({ restartPolicy: { mode: RestartMode.ALWAYS } });
    const fail = async (attempt: number) => {
      await until("it is placed", () => isIn(id, TaskState.SCHEDULED));
      observer.report(aReport(id, TaskState.FAILED, { attempt, containerId: "c" }));
      await clock.advance(attempt === 1 ? 0 : 5_000);
    };
    await fail(1);
    await until("it is placed", () => isIn(id, TaskState.SCHEDULED));
    join("w2");
    join("w3");
    expect((await explain(id)).workers).toMatchObject([
      { workerId: "w1", suitability: PREFERRED, note: "the task ran there last", attempts: [2] },
      { workerId: "w2", suitability: FITS, note: "" },
      { workerId: "w3", suitability: FITS },
    ]);
    await fail(2);
    await until("it is placed elsewhere", () => isIn(id, TaskState.SCHEDULED));
    observer.refuse({ taskId: id, attempt: 3 }, "not here");
    await until("it is placed a fourth time", () => isIn(id, TaskState.SCHEDULED));
    const { workers, exclusions } = await explain(id);
    expect(workers).toMatchObject([
      { workerId: "w3", attempts: [4] },
      { workerId: "w1", suitability: AVOIDED, note: "the task keeps failing there" },
      { workerId: "w2", suitability: EXCLUDED, objections: [{ filter: "refused" }] },
    ]);
    expect(exclusions).toMatchObject([{ filter: "refused", explanation: "1 worker refused it" }]);
  });
});

describe("many workers", () => {
  test("come in pages, the best first, with counts that are always complete", async () => {
    const { submit, join, explain } = await openRig();
    for (let i = 0; i < 9; i++) join(`w${i}`, i % 3 === 0 ? { state: WorkerState.DOWN } : {});
    for (let i = 0; i < 3; i++) await submit(memory(i + 1));
    const id = await submit(memory(4));
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await explain(id, { pageSize: 2, pageToken });
      expect(page).toMatchObject({ workerCount: 9, suitableCount: 6 });
      expect(page.exclusions).toMatchObject([{ filter: "ready", workerCount: 3 }]);
      seen.push(...idsOf(page));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(["w5", "w7", "w8", "w1", "w2", "w4", "w0", "w3", "w6"]);
    expect(seen).toEqual(idsOf(await explain(id)));
  });

  test("are in the order of their scores also where those are negative", async () => {
    const { submit, join, explain } = await openRig();
    for (const id of ["w1", "w2", "w3"]) join(id);
    for (let i = 0; i < 3; i++) await submit({ scheduler: "round-robin" });
    join("w4");
    const { workers } = await explain(await submit({ scheduler: "round-robin" }));
    expect(workers.map(({ workerId, score }) => [workerId, score])).toEqual([
      ["w4", -4],
      ["w1", -1],
      ["w2", -2],
      ["w3", -3],
    ]);
  });

  test("are in the order of a placement where more than the score decides", async () => {
    const { submit, join, explain } = await openRig();
    const description = (zone: string) =>
      ({ description: { ...aPresence().description, labels: { zone } } }) as never;
    join("w1", description("a"));
    join("w2", description("a"));
    join("w3", description("b"));
    const spec = {
      name: "web",
      spreads: [{ key: "zone" }],
      affinities: [{ constraint: { key: "worker.id", values: ["w2"] }, weight: 9 }],
    };
    await submit({ ...spec, constraints: [{ key: "zone", values: ["b"] }] });
    const answer = await explain(await submit(spec));
    expect(answer.task?.attempt?.placement?.workerId).toBe("w2");
    expect(answer.workers).toMatchObject([
      { workerId: "w2", lead: 0, affinity: 9, attempts: [1] },
      { workerId: "w1", lead: 0, affinity: 0 },
      { workerId: "w3", lead: 1, affinity: 0 },
    ]);
  });
});
