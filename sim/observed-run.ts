import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { Witnesses } from "./audit.ts";
import type { Complain } from "./complain.ts";
import { createEventWatch } from "./event-watch.ts";
import { createFenceMonitor } from "./fence-monitor.ts";
import { createFollower, type Follower } from "./follower.ts";
import { createLeadMonitor } from "./lead-monitor.ts";
import { createLedgerMonitor, type LedgerMonitor } from "./ledger-monitor.ts";
import type { Plan } from "./plan.ts";
import { createPromptMonitor } from "./prompt-monitor.ts";
import { createUsers } from "./users.ts";
import type { Wish } from "./wish.ts";
import { storedEpochOf } from "./worker-machine.ts";
import { createWorld } from "./world.ts";

/** A world under way, and all who watch it. */
export type ObservedRun = Witnesses &
  Readonly<{
    /** Each begins with the name of its invariant. */
    violations: readonly string[];
    follower: Follower;
    complain: Complain;
    /** Lets time pass, looking at every event. Ends early at a violation. */
    until: (untilMs: number) => Promise<void>;
    hash: () => string;
  }>;

const LOOK_MS = 1_000;

/** Makes a world in which nothing has happened yet. `isTraced`: it is told in detail. */
export function createObservedRun(plan: Plan, isTraced: boolean): ObservedRun {
  const violations: string[] = [];
  const changed: Task[] = [];
  const complain: Complain = (invariant, text) => {
    if (violations.length === 0) world.trace.note("VIOLATION", `${invariant}: ${text}`);
    violations.push(`${invariant}: ${text}`);
  };
  const trueMs = () => (world.misdated.size > 0 ? undefined : world.time.elapsedMs());
  const ledger = createLedgerMonitor(complain, trueMs, {
    onChange: (task) => void changed.push(task),
    onGone: (task) => checkGone(task, users.wishes, complain),
  });
  const world = createWorld({
    ...{ seed: plan.seed, workerCount: plan.workerCount, isTraced },
    managerCount: plan.managerCount ?? 1,
    storeLagMs: plan.storeLagMs ?? 0,
    registryCount: plan.registryCount ?? 1,
    onDurable: (batch) => ledger.take(batch),
    tap: createFenceMonitor(complain, (name) => {
      const machine = world.machines.get(name);
      return machine && storedEpochOf(machine);
    }),
  });
  const watch = createEventWatch({ world, ledger, changed, complain, isTraced });
  const prompt = createPromptMonitor({ world, ledger, complain });
  const checkLead = createLeadMonitor(world, complain);
  const users = createUsers({
    world,
    onConfirmed: (wish, task) => checkConfirmed({ wish, task, ledger, complain }),
    onComplaint: (text) => complain("calls-answered", text),
    complain,
  });
  const follower = createFollower({
    ...{ client: users.watchingClient, clock: users.clock, complain },
    log: world.trace.logOf("follower"),
  });

  /** Now and then it is looked at what should have happened by now. */
  function lookAgain(): void {
    prompt.look();
    checkLead();
    world.time.schedule(world.self, LOOK_MS, lookAgain);
  }
  world.time.schedule(world.self, LOOK_MS, lookAgain);

  async function until(untilMs: number): Promise<void> {
    if (violations.length > 0) return;
    await world.time.run(untilMs, () => {
      watch.afterEach();
      return violations.length > 0;
    });
    watch.afterAll();
  }

  return { world, users, ledger, violations, follower, complain, until, hash: watch.hash };
}

/** Only what a user wants gone goes. */
function checkGone({ spec }: Task, wishes: ReadonlyMap<string, Wish>, complain: Complain): void {
  const wish = wishes.get(spec?.name ?? "");
  if (wish?.asked !== DesiredState.REMOVE && !wish?.mayBeRemoved)
    complain("acks-kept", `${spec?.name} is gone, and nobody removed it`);
}

type Confirmation = Readonly<{
  wish: Wish;
  task: Task | undefined;
  ledger: LedgerMonitor;
  complain: Complain;
}>;

/** What a user was told is on disk at the moment they are told it. */
function checkConfirmed({ wish, task, ledger, complain }: Confirmation): void {
  const { name, confirmed } = wish;
  if (!task) return void complain("acks-kept", `${name} was confirmed without a task`);
  if (!ledger.everStored.has(name))
    return void complain("acks-kept", `${name} was confirmed and is not on disk`);
  const stored = ledger.byName(name);
  if (stored && stored.desiredState < confirmed && stored.state < TaskState.COMPLETED)
    complain("acks-kept", `${name} was confirmed to be wished ${confirmed}, and is not on disk so`);
}
