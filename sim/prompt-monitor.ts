import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { Complain, LedgerMonitor } from "./ledger-monitor.ts";
import type { World } from "./world.ts";

/** Looks for what should have happened by now. */
export interface PromptMonitor {
  /** To be called again and again. */
  look(): void;
}

type Deps = Readonly<{ world: World; ledger: LedgerMonitor; complain: Complain }>;

/** What is late, and when it became due. */
type Lag = Readonly<{ name: string; sinceMs: number }>;

/** A new connection, a push, a step of the engine, a report: with a pause for each. */
const LAG_MS = 15_000;

/** The same for a worker whose engine or process has had trouble: it looks at all every minute. */
const LAG_MS_TROUBLED = 80_000;

/** A lease, another one under the brake, time to stop, time for a killed process to be back. */
const LOSS_MS = 35_000;

/** Nothing waits for long while all is well, though something else may be broken elsewhere. */
export function createPromptMonitor({ world, ledger, complain }: Deps): PromptMonitor {
  const { time, calm, parts, machines } = world;
  /** What was late at the last look, and since when. */
  let lags = new Map<string, Lag>();

  /** Since when the worker, the manager and the way between them have been well. */
  const wellSinceMs = (workerId: string): number =>
    Math.max(
      calm.sinceMs(["manager", workerId]),
      parts.get(workerId)?.startedMs() ?? 0,
      parts.get("manager")?.startedMs() ?? 0,
    );

  function judge(task: Task): Lag | undefined {
    const workerId = task.attempt?.placement?.workerId ?? "";
    const what = whatIsLate(task, workerId);
    if (what === undefined || world.cloned.has(workerId)) return undefined;
    const name = `${task.spec?.name}/${task.attempt?.number} on ${workerId} ${what}`;
    return lags.get(name) ?? { name, sinceMs: time.elapsedMs() };
  }

  function whatIsLate(task: Task, workerId: string): string | undefined {
    if (task.state < TaskState.SCHEDULED || task.state >= TaskState.COMPLETED) return undefined;
    const { status } = task.attempt ?? {};
    const container = machines.get(workerId)?.engine.containers.get(status?.containerId ?? "");
    if (parts.get(workerId)?.isUp() === false) return "is on a worker that is gone";
    if (container?.state.kind === "exited") return "has ended and is not said to have";
    if (task.desiredState >= DesiredState.STOP && task.state < TaskState.STOPPING)
      return "is not stopped";
    return task.state === TaskState.SCHEDULED ? "is not taken" : undefined;
  }

  function isTooLate({ name, sinceMs }: Lag, workerId: string): boolean {
    const isLoss = name.endsWith("is gone");
    const wellMs = isLoss
      ? calm.sinceMs(["manager", "registry"])
      : Math.max(sinceMs, wellSinceMs(workerId));
    const troubledMs = world.excused.has(workerId) ? LAG_MS_TROUBLED : LAG_MS;
    return time.elapsedMs() - Math.max(sinceMs, wellMs) > (isLoss ? LOSS_MS : troubledMs);
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
