import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import type {
  StreamTaskStatsRequestSchema,
  StreamTaskStatsResponse,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { TaskStatsSchema } from "../../gen/berth/v1/task_stats_pb.ts";
import { WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { unavailable } from "../../lib/errors.ts";
import { createManualClock, type ManualClock } from "../../lib/manual-clock.ts";
import { aPlacedTask, aPresence, aStatus } from "../../test/builders.ts";
import { asChannel, createManagerRig } from "./testing/manager-rig.ts";

type Asked = Readonly<{ address: string; taskIds: readonly string[] }>;

/** Workers that each run `t-ADDRESS`, half a CPU busy; one may be out of reach. */
function fakeWorkers(clock: ManualClock) {
  const asked: Asked[] = [];
  const broken = new Set<string>();
  let openCount = 0;
  const connect = (address: string) =>
    asChannel(
      createRouterTransport(({ service }) =>
        service(WorkerService, {
          async *streamTaskStats({ taskIds }, { signal }) {
            asked.push({ address, taskIds });
            if (broken.has(address)) throw unavailable("NOT_CONNECTED", "no connection");
            openCount++;
            signal.addEventListener("abort", () => void openCount--, { once: true });
            for (; !signal.aborted; await clock.sleep(1_000, signal)) {
              const observeTime = toTimestamp(clock.now());
              const cpuNanos = BigInt(Math.round(clock.monotonic() * 500_000));
              const taskId = `t-${address.slice(0, 2)}`;
              const figures = { taskId, attempt: 1, observeTime, cpuNanos };
              yield { stats: [create(TaskStatsSchema, figures)], complete: true } as never;
            }
          },
        }),
      ),
    );
  return { asked, broken, connect, openCount: () => openCount };
}

const running = (id: string, workerId: string, labels = {}): Task => ({
  ...aPlacedTask(id, workerId, { labels }),
  state: TaskState.RUNNING,
});

async function createRig(tasks: readonly Task[]) {
  const clock = createManualClock();
  const fake = fakeWorkers(clock);
  const rig = await createManagerRig({ clock, connect: fake.connect });
  await rig.ledger.commit(tasks.map((task) => ({ kind: "updated", task, type: 1 }) as never));
  for (const id of ["w1", "w2"]) rig.workers.setPresence(aPresence(id));
  const rounds: StreamTaskStatsResponse[] = [];
  const over = new AbortController();
  function watch(request: MessageInitShape<typeof StreamTaskStatsRequestSchema> = {}) {
    return (async () => {
      for await (const round of rig.client.streamTaskStats(request, { signal: over.signal }))
        rounds.push(round);
    })();
  }
  const told = (i: number) => rounds[i]?.stats.map(({ taskId }) => taskId);
  return { ...rig, ...fake, clock, rounds, told, watch, leave: () => over.abort() };
}

const both = [running("t-w1", "w1"), running("t-w2", "w2", { tier: "db" })];

test("gathers the figures of all workers, and how busy each task was since the round before", async () => {
  const rig = await createRig(both);
  const watching = rig.watch().catch(() => undefined);
  await rig.clock.advance(3_500);
  expect(rig.told(0)).toEqual(["t-w1", "t-w2"]);
  expect(rig.rounds[0]?.stats[0]?.cpuPercent).toBeUndefined();
  expect(rig.rounds[2]?.stats[0]?.cpuPercent).toBeCloseTo(50);
  rig.leave();
  await watching;
  await rig.clock.advance(1);
  expect(rig.openCount()).toBe(0);
});

test("asks only the workers that have what the filter wants", async () => {
  const rig = await createRig(both);
  const watching = rig.watch({ filter: { labels: { tier: "db" } } }).catch(() => undefined);
  await rig.clock.advance(10);
  expect(rig.told(0)).toEqual(["t-w2"]);
  expect(rig.asked).toEqual([{ address: "w2:7072", taskIds: ["t-w2"] }]);
  rig.leave();
  await watching;
});

test("warns of what cannot be reached, goes on with the rest, and tries again", async () => {
  const rig = await createRig(both);
  rig.broken.add("w2:7072");
  const watching = rig.watch().catch(() => undefined);
  await rig.clock.advance(10);
  expect(rig.told(0)).toEqual(["t-w1"]);
  const [warning] = rig.rounds[0]?.warnings ?? [];
  expect(warning?.workerId).toBe("w2");
  expect(warning?.message).toBe("cannot be asked: no connection");
  rig.broken.clear();
  await rig.clock.advance(8_000);
  expect(rig.told(rig.rounds.length - 1)).toEqual(["t-w1", "t-w2"]);
  expect(rig.asked).toHaveLength(3);
  rig.leave();
  await watching;
});

test("does not ask a worker that is down", async () => {
  const rig = await createRig(both);
  rig.workers.setPresence(aPresence("w2", { state: WorkerState.DOWN, reason: "lease expired" }));
  const watching = rig.watch().catch(() => undefined);
  await rig.clock.advance(10);
  expect(rig.rounds[0]?.warnings[0]?.message).toBe("is down: lease expired");
  expect(rig.asked).toHaveLength(1);
  rig.leave();
  await watching;
});

test("of named tasks that have all ended says so once, and ends", async () => {
  const ended = { ...running("t-w1", "w1"), state: TaskState.COMPLETED };
  const status = aStatus(TaskState.COMPLETED);
  const rig = await createRig([{ ...ended, attempt: { ...ended.attempt, status } } as Task]);
  await rig.watch({ taskIds: ["t-w1"] });
  expect(rig.rounds).toHaveLength(1);
  expect(rig.rounds[0]?.warnings[0]?.message).toBe("has ended: it is completed");
  expect(rig.asked).toEqual([]);
});

test.each([
  [{ taskIds: ["no-such"] }, Code.NotFound, "task no-such does not exist"],
  [{ interval: { nanos: 5e8 } }, Code.InvalidArgument, "interval: is 0.5 s: must be 1 to 3600 s"],
  [{ taskIds: ["t-w1"], filter: {} }, Code.InvalidArgument, "together with task_ids"],
  [{ taskIds: Array(1_001).fill("a") }, Code.InvalidArgument, "name at most 1000"],
])("refuses %j", async (request, code, words) => {
  const rig = await createRig(both);
  const error = await rig.watch(request as never).catch((reason) => ConnectError.from(reason));
  expect(error).toMatchObject({ code, rawMessage: expect.stringContaining(words) });
});
