import { readFileSync } from "node:fs";
import { NetworkMode, type Task } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { allTasks } from "../all-tasks.ts";
import { type Container, containersOf } from "./containers.ts";
import { isRunning, type Rig, SLEEPER, startRig } from "./rig.ts";

/** A cluster with the settings that Berth comes with, whose manager is stopped for a minute. */
export interface LongPause {
  readonly workerCount: number;
  /** What there was before the manager was stopped. */
  readonly before: World;
  /** Waits until the minute is over, wakes the manager, and waits until it could have erred. */
  finish(): Promise<World>;
  stop(): Promise<void>;
}

/** What users and the engine see. */
type World = Readonly<{ tasks: readonly Task[]; containers: readonly Container[] }>;

const PAUSE_MS = 60_000;

/**
 * A manager that woke takes nobody for lost for a lease of 4 s, and for one more when it seems to
 * be most workers. A loss by mistake comes after that; one more lease is for a busy machine.
 */
const AFTERMATH_MS = 12_000;

const HOLLOW_WORKERS = 20;
const HOLLOW_TASKS = 60;
const REAL_TASKS = 6;

/** More than any machine here has: a task that reserves it runs on a hollow worker. */
const HUGE_BYTES = 2 ** 40;

/**
 * Stops the manager and returns: the minute passes while others do their work. Two workers run
 * containers, twenty more are hollow.
 */
export async function beginLongPause(): Promise<LongPause> {
  const flags = ["--capacity-memory", String(HUGE_BYTES * HOLLOW_TASKS)];
  const workers = [{}, {}, { hollowCount: HOLLOW_WORKERS, launch: { flags } }];
  const rig = await startRig({ leaseMs: "default", workers });
  try {
    await Promise.all([rig.sleepers(REAL_TASKS), startHollowTasks(rig)]);
    const before = await look(rig);
    rig.manager.pause();
    const endMs = systemClock.monotonic() + PAUSE_MS;
    return {
      workerCount: HOLLOW_WORKERS + 2,
      before,
      async finish() {
        await systemClock.sleep(endMs - systemClock.monotonic());
        if (!isStopped(rig.manager.pid)) throw new Error("the manager was not stopped");
        rig.manager.resume();
        await systemClock.sleep(AFTERMATH_MS);
        await rig.workersReady(HOLLOW_WORKERS + 2);
        return await look(rig);
      },
      stop: rig.stop,
    };
  } catch (error) {
    await rig.stop();
    throw error;
  }
}

async function startHollowTasks(rig: Rig): Promise<void> {
  const spec = {
    ...SLEEPER,
    networkMode: NetworkMode.BRIDGE,
    reservation: { memoryBytes: BigInt(HUGE_BYTES) },
  };
  await rig.sleepers(HOLLOW_TASKS, spec);
}

async function look({ client, docker, workerIds }: Rig): Promise<World> {
  const tasks = await allTasks(client, { timeoutMs: 5_000 });
  return { tasks, containers: await containersOf(docker, workerIds) };
}

/** Whether a process is stopped by a signal, as the kernel says. */
const isStopped = (pid: number): boolean =>
  /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));

/** What a pause must not change of a task. */
export const courseOf = (task: Task) => ({
  id: task.id,
  isRunning: isRunning(task),
  attempt: task.attempt?.number,
  workerId: task.attempt?.placement?.workerId,
  pastAttempts: task.pastAttempts.length,
});
