import { create } from "@bufbuild/protobuf";
import { schedule, submit, type TaskChange, write } from "../core/task-change.ts";
import { withDefaults } from "../core/task-spec.ts";
import { toTimestamp } from "../core/time.ts";
import { PlacementSchema } from "../gen/berth/v1/placement_pb.ts";
import {
  type AttemptStatus,
  AttemptStatusSchema,
  type Task,
  type TaskSpec,
  TaskSpecSchema,
  TaskState,
} from "../gen/berth/v1/task_pb.ts";
import { systemClock } from "../lib/clock.ts";
import { createSeededRandom } from "../lib/random.ts";
import { openLmdbStore } from "../lib/store/lmdb-store.ts";
import { openLedger } from "../services/manager/ledger.ts";
import { createTaskIds } from "../services/manager/task-id.ts";

/** How many tasks one commit takes. */
const TASKS_PER_COMMIT = 1_000;

const WORKERS = 100;

/**
 * Fills a manager's store through the ledger itself, as a cluster would have: half of the tasks
 * run, spread over a hundred workers, the others have completed.
 */
export async function fillStore(folder: string, count: number): Promise<void> {
  const store = await openLmdbStore({ folder, clock: systemClock });
  const random = createSeededRandom(1);
  const ledger = await openLedger({
    store,
    clock: systemClock,
    random,
    onFailure: (error) => {
      throw error;
    },
  });
  const nextId = createTaskIds(systemClock, random);
  for (let done = 0; done < count; done += TASKS_PER_COMMIT) {
    const changes = Array.from({ length: TASKS_PER_COMMIT }, (_, i) => lifeOf(nextId(), done + i));
    await ledger.commit(changes.flat());
  }
  await store.close();
}

/** All that happens to a task up to now. */
function lifeOf(id: string, index: number): readonly TaskChange[] {
  const now = systemClock.now();
  const submitted = submit(id, specOf(id, index), now);
  const placed = schedule(submitted.task, placementOf(index, now), now);
  const running = seen(placed.task, TaskState.RUNNING, now);
  const ended = index % 2 === 0 ? [] : [seen(running.task, TaskState.COMPLETED, now)];
  return [submitted, placed, running, ...ended];
}

function seen(task: Task, state: TaskState, now: number): TaskChange {
  const status: AttemptStatus = create(AttemptStatusSchema, {
    state,
    observeTime: toTimestamp(now),
    startTime: toTimestamp(now),
    containerId: task.id.padEnd(64, "0"),
    ...(state === TaskState.COMPLETED && { exitCode: 0, finishTime: toTimestamp(now) }),
  });
  const attempt = task.attempt && { ...task.attempt, status };
  return write({ ...task, state, ...(attempt && { attempt }) }, task.state, "seen");
}

const placementOf = (index: number, now: number) =>
  create(PlacementSchema, {
    workerId: `worker-${index % WORKERS}`,
    scheduler: "spread",
    score: 0.5,
    runnerUps: [1, 2].map((i) => ({ workerId: `worker-${(index + i) % WORKERS}`, score: 0.4 })),
    exclusions: [{ filter: "resources", workerCount: 3, explanation: "short of memory" }],
    placeTime: toTimestamp(now),
  });

const specOf = (taskId: string, index: number): TaskSpec =>
  withDefaults(
    create(TaskSpecSchema, {
      name: `web-${index}`,
      image: "shop/web:1.4.2",
      command: ["/bin/server"],
      args: ["--port", "8080"],
      env: { DATABASE: "postgres://db:5432/shop", LOG: "info", REGION: "eu", TIER: "web" },
      labels: { app: "shop", tier: "web" },
    }),
    { taskId, scheduler: "spread" },
  );
