import { toMillis } from "../core/time.ts";
import { OnDisconnect, type Task } from "../gen/berth/v1/task_pb.ts";
import type { Complain } from "./complain.ts";
import { GONE, type Late, lateIn, UNPLACED } from "./late.ts";
import type { LedgerMonitor } from "./ledger-monitor.ts";
import { foundSinceMs, headOf, headsOf, readySinceMs, toldSinceMs } from "./well-since.ts";
import type { World } from "./world.ts";

/** Looks for what should have happened by now. */
export interface PromptMonitor {
  /** To be called again and again. */
  look(): void;
}

type Deps = Readonly<{ world: World; ledger: LedgerMonitor; complain: Complain }>;

/** What is late, and when it became due. */
type Lag = Late & Readonly<{ name: string; task: Task; sinceMs: number }>;

/** A new connection, a push, a step of the engine, a report: with a pause for each. */
const LAG_MS = 15_000;

/** The same for a worker whose engine or process has had trouble: it looks at all every minute. */
const LAG_MS_TROUBLED = 80_000;

/** A lease, time for a killed process to be back, the brake, two questions. */
const LOSS_MS = 38_000;

/** The same where manager or registry began anew: workers first have time to be heard of. */
const LOSS_MS_UNHEARD = 51_000;

/** By how much a worker's stop may come later than its time to stop. */
const DRIFT_MS = 1_000;

/** A lease until the registry's end is noticed, a connection that hangs, the pause after it. */
const REGISTER_MS = 16_000;

/** A decision that nobody is waited for, as far as can be seen every second. */
const AT_ONCE_MS = 2_000;

/** How long a container is given to stop if nobody has said. */
const GRACE_MS_DEFAULT = 10_000;

/** Nothing waits for long while all is well, though something else may be broken elsewhere. */
export function createPromptMonitor({ world, ledger, complain }: Deps): PromptMonitor {
  /** What was late at the last look, and since when. */
  let lags = new Map<string, Lag>();

  function lagOf(task: Task, { what, workerId }: Late): Lag {
    const name = `${task.spec?.name}/${task.attempt?.number} on ${workerId} ${what}`;
    const sinceMs = lags.get(name)?.sinceMs ?? world.time.elapsedMs();
    return { name, what, task, workerId, sinceMs };
  }

  const lagsIn = (task: Task): readonly Lag[] =>
    lateIn(task, { world, ledger })
      .filter(({ workerId }) => !world.cloned.has(workerId))
      .map((late) => lagOf(task, late));

  return {
    look() {
      const late = [...ledger.tasks.values()].flatMap(lagsIn);
      for (const lag of late)
        if (isTooLate(lag, world))
          complain("prompt", `${lag.name} since ${Math.round(lag.sinceMs)} ms`);
      lags = new Map(late.map((lag) => [lag.name, lag]));
    },
  };
}

function isTooLate(lag: Lag, world: World): boolean {
  const { what, workerId, sinceMs } = lag;
  const lagsFor = (wellMs: number) => world.time.elapsedMs() - Math.max(sinceMs, wellMs);
  const isTroubled = world.excused.has(workerId);
  if (what === GONE) return lagsFor(toldSinceMs(world)) > lossMs(lag, world);
  if (what === UNPLACED) return !isTroubled && isUnplacedTooLong(lag, world);
  return lagsFor(foundSinceMs(world, workerId)) > (isTroubled ? LAG_MS_TROUBLED : LAG_MS);
}

/** Who was ready before a task became due takes it at once. */
function isUnplacedTooLong({ workerId, sinceMs }: Lag, world: World): boolean {
  const registeredMs = readySinceMs(world, workerId) + REGISTER_MS;
  return world.time.elapsedMs() > Math.max(registeredMs, sinceMs + AT_ONCE_MS);
}

/** What must not run twice has time to stop before there is another. */
function lossMs({ task: { spec, stopGrace }, sinceMs }: Lag, world: World): number {
  const troubles = world.calm.troublesOf(headsOf(world));
  const calmMs = sinceMs - LOSS_MS;
  const wereWell =
    headOf(world).sinceMs < calmMs && troubles.every(({ endedMs }) => endedMs < calmMs);
  const baseMs = wereWell ? LOSS_MS : LOSS_MS_UNHEARD;
  if (spec?.onDisconnect !== OnDisconnect.STOP) return baseMs;
  const grace = stopGrace ?? spec.stopGrace;
  return baseMs + (grace ? toMillis(grace) : GRACE_MS_DEFAULT) + DRIFT_MS;
}
