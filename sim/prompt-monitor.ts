import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { Complain } from "./complain.ts";
import type { LedgerMonitor } from "./ledger-monitor.ts";
import { foundSinceMs } from "./well-since.ts";
import type { World } from "./world.ts";

/** Looks for what should have happened by now. */
export interface PromptMonitor {
  /** To be called again and again. */
  look(): void;
}

type Deps = Readonly<{ world: World; ledger: LedgerMonitor; complain: Complain }>;

/** What is late, and when it became due. */
type Lag = Readonly<{ name: string; what: string; sinceMs: number }>;

/** A new connection, a push, a step of the engine, a report: with a pause for each. */
const LAG_MS = 15_000;

/** The same for a worker whose engine or process has had trouble: it looks at all every minute. */
const LAG_MS_TROUBLED = 80_000;

/** A lease, another one under the brake, time to stop, time for a killed process to be back. */
const LOSS_MS = 35_000;

/** Nothing waits for long while all is well, though something else may be broken elsewhere. */
export function createPromptMonitor({ world, ledger, complain }: Deps): PromptMonitor {
  const { time, calm, parts } = world;
  /** What was late at the last look, and since when. */
  let lags = new Map<string, Lag>();

  function judge(task: Task): Lag | undefined {
    const workerId = task.attempt?.placement?.workerId ?? "";
    const what = whatIsLate(task, workerId);
    if (what === undefined || world.cloned.has(workerId)) return undefined;
    const name = `${task.spec?.name}/${task.attempt?.number} on ${workerId} ${what}`;
    return lags.get(name) ?? { name, what, sinceMs: time.elapsedMs() };
  }

  function whatIsLate(task: Task, workerId: string): string | undefined {
    if (!isPlaced(task)) return undefined;
    if (parts.get(workerId)?.isUp() === false) return GONE;
    if (hasExited(task, world)) return "has ended and is not said to have";
    if (isToStop(task)) return "is not stopped";
    return task.state === TaskState.SCHEDULED ? "is not taken" : undefined;
  }

  function isTooLate({ what, sinceMs }: Lag, workerId: string): boolean {
    const lagsFor = (wellMs: number) => time.elapsedMs() - Math.max(sinceMs, wellMs);
    if (what === GONE) return lagsFor(calm.sinceMs(["manager", "registry"])) > LOSS_MS;
    const lagMs = world.excused.has(workerId) ? LAG_MS_TROUBLED : LAG_MS;
    return lagsFor(foundSinceMs(world, workerId)) > lagMs;
  }

  return {
    look() {
      const late = new Map<string, Lag>();
      for (const task of ledger.tasks.values()) {
        const lag = judge(task);
        if (!lag) continue;
        late.set(lag.name, lag);
        if (isTooLate(lag, task.attempt?.placement?.workerId ?? ""))
          complain("prompt", `${lag.name} since ${Math.round(lag.sinceMs)} ms`);
      }
      lags = late;
    },
  };
}

/** What is late with a task until it is said to be lost. */
const GONE = "is on a worker that is gone";

const isPlaced = ({ state }: Task): boolean =>
  state >= TaskState.SCHEDULED && state < TaskState.COMPLETED;

const isToStop = ({ desiredState, state }: Task): boolean =>
  desiredState >= DesiredState.STOP && state < TaskState.STOPPING;

function hasExited({ attempt }: Task, { machines }: World): boolean {
  const { status, placement } = attempt ?? {};
  const containers = machines.get(placement?.workerId ?? "")?.engine.containers;
  return containers?.get(status?.containerId ?? "")?.state.kind === "exited";
}
