import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { audit, auditLoad, type Witnesses } from "./audit.ts";
import { createEngineMonitor } from "./engine-monitor.ts";
import { faults, isFaultName } from "./faults.ts";
import { createLedgerMonitor, type LedgerMonitor } from "./ledger-monitor.ts";
import type { FaultStep, Plan } from "./plan.ts";
import { createUsers, type Wish } from "./users.ts";
import { createWorld, type World } from "./world.ts";

/** What came of a plan. */
export type Outcome = Readonly<{
  /** Each begins with the name of the invariant. Empty: all is well. */
  violations: readonly string[];
  /** Of everything that happened, in order: two runs of one plan have the same. */
  hash: string;
  eventCount: number;
  /** How much time passed in the world. */
  virtualMs: number;
  /** What happened, for people. */
  lines: readonly string[];
}>;

/** How long everything may take to come right once nothing is broken any more. */
const PATIENCE_MS = 240_000;

/** Far more than any plan needs: something goes round and round. */
const EVENTS_MAX = 400_000;

/** How often it is looked whether everything is right. */
const LOOK_MS = 1_000;

/** How long nothing may change once all is right. */
const QUIET_MS = 30_000;

/** Runs a plan: trouble, then convergence, then quiet. The first violation ends it. */
export async function execute(plan: Plan, isTraced = false): Promise<Outcome> {
  const run = createRun(plan, isTraced);
  const onUnhandled = (error: unknown) => run.complain("no-crash", `unhandled: ${error}`);
  process.on("unhandledRejection", onUnhandled);
  try {
    return await carryOut(plan, run);
  } finally {
    process.off("unhandledRejection", onUnhandled);
  }
}

async function carryOut(plan: Plan, run: Run): Promise<Outcome> {
  const { world, violations } = run;
  for (const part of world.parts.values()) part.start();
  const endings = schedule(plan, run);
  await run.until(plan.troubleMs);
  world.trace.note("world", "all is mended");
  heal(run, endings);
  await converge(run, plan.troubleMs + PATIENCE_MS);
  if (violations.length === 0) await stayQuiet(run);
  return {
    violations,
    hash: run.hash(),
    eventCount: world.time.eventCount(),
    virtualMs: Math.round(world.time.elapsedMs()),
    lines: world.trace.lines,
  };
}

type Run = Witnesses &
  Readonly<{
    violations: string[];
    complain: (invariant: string, text: string) => void;
    /** Lets time pass, looking at every event. Ends early at a violation. */
    until: (untilMs: number) => Promise<void>;
    hash: () => string;
  }>;

function createRun(plan: Plan, isTraced: boolean): Run {
  const violations: string[] = [];
  const hash = createHash();
  const complain = (invariant: string, text: string) => {
    if (violations.length === 0) world.trace.note("VIOLATION", `${invariant}: ${text}`);
    violations.push(`${invariant}: ${text}`);
  };
  const touched = new Set<string>();
  const ledger = createLedgerMonitor(complain, (after) => noteChange(after));
  const world = createWorld({
    ...{ seed: plan.seed, workerCount: plan.workerCount, isTraced },
    onDurable: ledger.take,
  });
  const { placements } = ledger;
  const engines = createEngineMonitor({ world, complain, placements });
  const users = createUsers({
    world,
    onConfirmed: (wish, task) => checkConfirmed({ wish, task, ledger, complain }),
    onComplaint: (text) => complain("calls-answered", text),
  });

  function noteChange(task: Task): void {
    hash.mix(Number(task.revision));
    const workerId = task.attempt?.placement?.workerId;
    if (workerId) touched.add(workerId);
    if (isTraced) world.trace.note("ledger", textOf(task));
  }

  function afterEach(): boolean {
    hash.mix(world.time.elapsedMs());
    hash.mix(world.time.eventCount());
    engines.check();
    for (const workerId of touched)
      for (const text of auditLoad(workerId, ledger)) complain("reservations-fit", text);
    touched.clear();
    for (const bug of world.bugs.splice(0)) complain("no-crash", bug);
    if (world.time.eventCount() > EVENTS_MAX) complain("no-busy-loop", `${EVENTS_MAX} events`);
    return violations.length > 0;
  }

  async function until(untilMs: number): Promise<void> {
    if (violations.length === 0) await world.time.run(untilMs, afterEach);
    engines.checkAll();
  }

  return { world, users, ledger, violations, complain, until, hash: hash.text };
}

const textOf = ({ spec, state, attempt, desiredState, revision, waitingReason }: Task): string =>
  `${spec?.name}/${attempt?.number} ${TaskState[state]} wish ${desiredState} @${revision} ` +
  `${attempt?.placement?.workerId ?? ""} ${attempt?.status?.message ?? ""} ` +
  `${attempt?.status?.failure?.message ?? ""} ${waitingReason}`;

type Confirmation = Readonly<{
  wish: Wish;
  task: Task | undefined;
  ledger: LedgerMonitor;
  complain: Run["complain"];
}>;

/** What a user was told is on disk at the moment they are told it. */
function checkConfirmed({ wish, task, ledger, complain }: Confirmation): void {
  const { name, confirmed } = wish;
  if (!task) return complain("acks-kept", `${name} was confirmed without a task`);
  if (!ledger.everStored.has(name))
    return complain("acks-kept", `${name} was confirmed and is not on disk`);
  const stored = ledger.byName(name);
  if (stored && stored.desiredState < confirmed && stored.state < TaskState.COMPLETED)
    complain("acks-kept", `${name} was confirmed to be wished ${confirmed}, and is not on disk so`);
}

/** Has every step of the plan happen in its time. Returns the faults' ends that are still to come. */
function schedule(plan: Plan, { world, users }: Run): Set<() => void> {
  const endings = new Set<() => void>();
  for (const step of plan.steps)
    world.time.schedule(world.self, step.atMs, () => {
      if (step.do === "fault") strike(step, { world, endings, troubleMs: plan.troubleMs });
      else users.begin(step);
    });
  return endings;
}

type Strike = Readonly<{ world: World; endings: Set<() => void>; troubleMs: number }>;

function strike(step: FaultStep, { world, endings, troubleMs }: Strike): void {
  if (!isFaultName(step.fault)) throw new Error(`there is no fault ${step.fault}`);
  const { time, trace, self } = world;
  trace.note("fault", JSON.stringify(step));
  const end = faults[step.fault].begin(world, step);
  if (!end) return;
  const finish = () => {
    if (!endings.delete(finish)) return;
    trace.note("fault", `${step.fault} of ${step.on} ends`);
    end();
  };
  endings.add(finish);
  const lastsMs = Math.min(step.forMs ?? 0, troubleMs - time.elapsedMs());
  time.schedule(self, Math.max(0, lastsMs), finish);
}

/** Nothing is broken any more, and everything is up. */
function heal({ world }: Run, endings: Set<() => void>): void {
  for (const end of [...endings]) end();
  for (const part of world.parts.values()) {
    part.thaw();
    part.start();
  }
}

async function converge(run: Run, untilMs: number): Promise<void> {
  const { world, violations, complain, until } = run;
  for (;;) {
    await until(world.time.elapsedMs() + LOOK_MS);
    if (violations.length > 0) return;
    const complaints = audit(run);
    if (complaints.length === 0) return;
    if (world.time.elapsedMs() < untilMs) continue;
    for (const text of complaints) complain("converges", text);
    return;
  }
}

/** What would change if something still happened. */
const pictureOf = ({ ledger, world }: Witnesses): string =>
  [
    ...[...ledger.tasks.values()].map(({ id, revision }) => `${id}@${revision}`),
    ...[...world.machines.values()].flatMap(({ engine }) =>
      [...engine.containers.values()].map(({ id, state }) => `${id} ${state.kind}`),
    ),
  ].join("\n");

async function stayQuiet(run: Run): Promise<void> {
  const { world, violations, complain, until } = run;
  const before = pictureOf(run);
  await until(world.time.elapsedMs() + QUIET_MS);
  if (violations.length === 0 && pictureOf(run) !== before)
    complain("stays-quiet", `something changed after all was right: ${audit(run).join("; ")}`);
}

/** FNV-1a over numbers: fast, and good enough to tell two runs apart. */
function createHash() {
  let low = 0x811c9dc5;
  let high = 0x1234567;
  const view = new DataView(new ArrayBuffer(8));
  const mixWord = (word: number) => {
    low = Math.imul(low ^ word, 0x01000193) >>> 0;
    high = Math.imul(high ^ (word + low), 0x85ebca6b) >>> 0;
  };
  return {
    mix(value: number) {
      view.setFloat64(0, value);
      mixWord(view.getUint32(0));
      mixWord(view.getUint32(4));
    },
    text: () => low.toString(16).padStart(8, "0") + high.toString(16).padStart(8, "0"),
  };
}
