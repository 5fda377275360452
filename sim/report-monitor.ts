import { type Attempt, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { Complain } from "./complain.ts";
import type { EngineMonitor } from "./engine-monitor.ts";
import { checkExit, checkReason } from "./reason-laws.ts";
import { wellSinceMs } from "./well-since.ts";
import type { World } from "./world.ts";

type Deps = Readonly<{ world: World; engines: EngineMonitor; complain: Complain }>;

/**
 * A worker that the manager could reach all the while is not lost. This is how long all must have
 * been well: two leases, and the longest pause between two tries to connect.
 */
const CALM_MS = 15_000;

/** A lease and the brake, less the time between the last heartbeat and the blackout, and some for timers. */
const BRAKED_MS = 22_500;

/** Compares what is on disk of attempts with what engines and machines know. */
export function createReportMonitor({ world, engines, complain }: Deps): (task: Task) => void {
  const judged = new Set<string>();

  function judge(task: Task, attempt: Attempt): void {
    const { status, placement, number } = attempt;
    if (!status || !placement || status.state < TaskState.COMPLETED) return;
    const name = `${task.spec?.name}/${number}`;
    if (world.cloned.has(placement.workerId)) return;
    const key = `${name} ${TaskState[status.state]}`;
    if (judged.has(key)) return;
    judged.add(key);
    if (status.state === TaskState.LOST) judgeLoss(name, placement.workerId);
    else {
      checkReason(task, attempt, { world, complain });
      checkExit(name, attempt, { engines, complain });
    }
  }

  function judgeLoss(name: string, workerId: string): void {
    judgeHaste(name, workerId);
    const wellMs = world.time.elapsedMs() - wellSinceMs(world, workerId);
    if (wellMs > CALM_MS)
      complain(
        "no-false-loss",
        `${name} on ${workerId} is lost, though all was well for ${wellMs} ms`,
      );
  }

  /**
   * When most workers go at once, none is lost before a second period has confirmed it: unless clones
   * of theirs make it look as if some were back.
   */
  function judgeHaste(name: string, workerId: string): void {
    if (world.cloned.size > 0) return;
    for (const { atMs, workerIds } of world.blackouts) {
      const passedMs = Math.round(world.time.elapsedMs() - atMs);
      if (workerIds.has(workerId) && passedMs < BRAKED_MS)
        complain("brake", `${name} is lost ${passedMs} ms after most workers went`);
    }
  }

  return (task) => {
    for (const attempt of [task.attempt, ...task.pastAttempts]) if (attempt) judge(task, attempt);
  };
}
