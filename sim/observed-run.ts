import { DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { auditLoad, auditStrangers, type Witnesses } from "./audit.ts";
import { createEngineMonitor } from "./engine-monitor.ts";
import { createFenceMonitor } from "./fence-monitor.ts";
import { createFollower, type Follower } from "./follower.ts";
import { createRunHash } from "./hash.ts";
import { type Complain, createLedgerMonitor, type LedgerMonitor } from "./ledger-monitor.ts";
import type { Plan } from "./plan.ts";
import { createPromptMonitor } from "./prompt-monitor.ts";
import { createReportMonitor } from "./report-monitor.ts";
import { createUsers, type Wish } from "./users.ts";
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

/** Far more than any plan needs: something goes round and round. */
const EVENTS_MAX = 400_000;

const LOOK_MS = 1_000;

/** Makes a world in which nothing has happened yet. `isTraced`: it is told in detail. */
export function createObservedRun(plan: Plan, isTraced: boolean): ObservedRun {
  const violations: string[] = [];
  const hash = createRunHash();
  const changed: Task[] = [];
  const complain: Complain = (invariant, text) => {
    if (violations.length === 0) world.trace.note("VIOLATION", `${invariant}: ${text}`);
    violations.push(`${invariant}: ${text}`);
  };
  const nowMs = () => world.time.elapsedMs();
  const trueMs = () => (world.misdated.size > 0 ? undefined : nowMs());
  const ledger = createLedgerMonitor(complain, trueMs, {
    onChange: (task) => void changed.push(task),
    onGone: (task) => checkGone(task, users.wishes, complain),
  });
  const world = createWorld({
    ...{ seed: plan.seed, workerCount: plan.workerCount, isTraced },
    onDurable: (batch) => ledger.take(batch),
    tap: createFenceMonitor(complain, (name) => {
      const machine = world.machines.get(name);
      return machine && storedEpochOf(machine);
    }),
  });
  const engines = createEngineMonitor({ world, complain, placements: ledger.placements });
  const judgeReports = createReportMonitor({ world, engines, complain });
  const prompt = createPromptMonitor({ world, ledger, complain });
  const users = createUsers({
    world,
    onConfirmed: (wish, task) => checkConfirmed({ wish, task, ledger, complain }),
    onComplaint: (text) => complain("calls-answered", text),
  });
  const follower = createFollower({ client: users.watchingClient, clock: users.clock, complain });

  function lookAt(task: Task): void {
    hash.mix(Number(task.revision));
    judgeReports(task);
    const workerId = task.attempt?.placement?.workerId;
    if (workerId)
      for (const text of auditLoad(workerId, ledger)) complain("reservations-fit", text);
    if (isTraced) world.trace.note("ledger", textOf(task));
  }

  function afterEach(): boolean {
    hash.mix(nowMs());
    hash.mix(world.time.eventCount());
    if (changed.length > 0) changed.splice(0).forEach(lookAt);
    engines.check();
    for (const bug of world.bugs.splice(0)) complain("no-crash", bug);
    if (world.time.eventCount() > EVENTS_MAX) complain("no-busy-loop", `${EVENTS_MAX} events`);
    return violations.length > 0;
  }

  /** Now and then it is looked at what should have happened by now. */
  function lookAgain(): void {
    prompt.look();
    world.time.schedule(world.self, LOOK_MS, lookAgain);
  }
  world.time.schedule(world.self, LOOK_MS, lookAgain);

  async function until(untilMs: number): Promise<void> {
    if (violations.length > 0) return;
    await world.time.run(untilMs, afterEach);
    engines.checkAll();
    for (const text of auditStrangers(world)) complain("strangers-untouched", text);
  }

  return { world, users, ledger, violations, follower, complain, until, hash: hash.text };
}

const textOf = ({ spec, state, attempt, desiredState, revision, waitingReason }: Task): string =>
  `${spec?.name}/${attempt?.number} ${TaskState[state]} wish ${desiredState} @${revision} ` +
  `${attempt?.placement?.workerId ?? ""} ${attempt?.status?.message ?? ""} ` +
  `${attempt?.status?.failure?.message ?? ""} ${waitingReason}`;

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
