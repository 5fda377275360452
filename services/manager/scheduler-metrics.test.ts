import { create } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import {
  type WorkerMetrics,
  WorkerMetricsSchema,
  WorkerState,
} from "../../gen/berth/v1/worker_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { aPresence, GIB } from "../../test/builders.ts";
import { until } from "../../test/until.ts";
import { runSchedulerLoop } from "./scheduler-loop.ts";
import { createManagerRig } from "./testing/manager-rig.ts";

const controls: AbortController[] = [];
afterEach(() => {
  for (const control of controls.splice(0)) control.abort();
});

/** A manager whose scheduler loop runs, with what workers measure. */
async function createRig() {
  const clock = createManualClock();
  const rig = await createManagerRig({ clock });
  const control = new AbortController();
  controls.push(control);
  void runSchedulerLoop(rig, control.signal);
  let sequence = 0n;
  const submit = async (spec: object) =>
    (await rig.client.submitTask({ spec: { image: "busybox:1", ...spec } })).task?.id ?? "";
  return {
    ...rig,
    clock,
    submit,
    task: (id: string) => rig.ledger.tasks.get(id),
    /** A heartbeat with measurements. */
    measure(workerId: string, measured: Partial<WorkerMetrics>) {
      const { metrics: usual = create(WorkerMetricsSchema) } = aPresence(workerId);
      const metrics = { ...usual, ...measured, sequence: ++sequence };
      rig.workers.setPresence(aPresence(workerId, { metrics }));
      rig.workers.setLinked(workerId, true);
    },
    /** A heartbeat without any: the registry tells those that it has. */
    beat(workerId: string) {
      const worker = rig.workers.get(workerId);
      if (worker) rig.workers.setPresence({ ...worker.presence });
    },
    /** Where the scheduler `greedy` places tasks, one after another. */
    async place(count = 1) {
      const workerIds: (string | undefined)[] = [];
      for (let i = 0; i < count; i++) {
        const id = await submit({ scheduler: "greedy" });
        workerIds.push(rig.ledger.tasks.get(id)?.attempt?.placement?.workerId);
      }
      return workerIds.join(" ");
    },
  };
}

const LEASE_MS = 4_000;

test("tasks go where the least CPU is used, as the last heartbeat has it", async () => {
  const { measure, place } = await createRig();
  measure("w1", { cpuPercent: 80 });
  measure("w2", { cpuPercent: 30 });
  expect(await place(3)).toBe("w2 w2 w2");
  measure("w2", { cpuPercent: 90 });
  expect(await place()).toBe("w1");
});

test("while the registry is out of reach measurements count for a lease", async () => {
  const { measure, place, clock } = await createRig();
  measure("w1", { cpuPercent: 80 });
  measure("w2", { cpuPercent: 0 });
  await clock.advance(LEASE_MS - 1);
  expect(await place(3)).toBe("w2 w2 w2");
  await clock.advance(1);
  expect(await place(3)).toBe("w1 w1 w1");
});

test("heartbeats without measurements do not make the last ones count longer", async () => {
  const { measure, beat, place, clock } = await createRig();
  measure("w1", { cpuPercent: 80 });
  measure("w2", { cpuPercent: 0 });
  for (let ms = 0; ms < LEASE_MS; ms += 1_000) {
    beat("w1");
    beat("w2");
    await clock.advance(1_000);
  }
  expect(await place(2)).toBe("w1 w2");
});

test("measurements that come again count again, and cease to count again", async () => {
  const { measure, place, clock } = await createRig();
  for (let round = 0; round < 3; round++) {
    measure("w1", { cpuPercent: 80 });
    measure("w2", { cpuPercent: 0 });
    expect(await place(2)).toBe("w2 w2");
    await clock.advance(LEASE_MS);
    expect(await place(2)).toBe("w1 w1");
  }
});

test("a lack of disk that was measured too long ago keeps no task waiting", async () => {
  const { measure, submit, task, clock } = await createRig();
  measure("w1", { diskAvailableBytes: 0n });
  const id = await submit({ reservation: { diskBytes: BigInt(GIB) } });
  expect(task(id)?.waitingReason).toBe("too little disk on 1 worker");
  await clock.advance(LEASE_MS);
  await until("it is placed", () => task(id)?.state === TaskState.SCHEDULED);
});

test("a worker whose lease ran out gets nothing, however idle it was", async () => {
  const { measure, workers, submit, task } = await createRig();
  measure("w1", { cpuPercent: 0 });
  const { metrics } = workers.get("w1")?.presence ?? {};
  workers.setPresence(aPresence("w1", { state: WorkerState.DOWN, ...(metrics && { metrics }) }));
  expect(task(await submit({ scheduler: "greedy" }))?.waitingReason).toBe("1 worker not ready");
});
