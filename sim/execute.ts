import { audit, type Witnesses } from "./audit.ts";
import { auditCalls } from "./audit-calls.ts";
import { faults, isFaultName } from "./faults.ts";
import { createObservedRun, type ObservedRun } from "./observed-run.ts";
import { type FaultStep, LEADER, type Plan } from "./plan.ts";
import type { World } from "./world.ts";

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

/** How often it is looked whether everything is right. */
const LOOK_MS = 1_000;

/** How long nothing may change once all is right. */
const QUIET_MS = 15_000;

/** How long services may take to answer when nothing is wrong. */
const ANSWER_MS = 2_000;

/** Runs a plan: trouble, then convergence, then quiet. The first violation ends it. */
export async function execute(plan: Plan, isTraced = false): Promise<Outcome> {
  const run = createObservedRun(plan, isTraced);
  const onUnhandled = (error: unknown) => run.complain("no-crash", `unhandled: ${error}`);
  process.on("unhandledRejection", onUnhandled);
  try {
    await carryOut(plan, run);
  } finally {
    process.off("unhandledRejection", onUnhandled);
  }
  const { world, violations } = run;
  return {
    violations,
    hash: run.hash(),
    eventCount: world.time.eventCount(),
    virtualMs: Math.round(world.time.elapsedMs()),
    lines: world.trace.lines,
  };
}

async function carryOut(plan: Plan, run: ObservedRun): Promise<void> {
  const { world, users, follower } = run;
  for (const part of world.parts.values()) part.start();
  world.time.schedule(users.process, 0, follower.begin);
  const endings = schedule(plan, run);
  await run.until(plan.troubleMs);
  world.trace.note("world", "all is mended");
  heal(run, endings);
  const lastMs = Math.max(plan.troubleMs, ...plan.steps.map(({ atMs }) => atMs));
  await run.until(lastMs);
  await converge(run, lastMs + PATIENCE_MS);
  await stayQuiet(run);
}

/** Has every step of the plan happen in its time. Returns the faults' ends that are still to come. */
function schedule(plan: Plan, run: ObservedRun): Set<() => void> {
  const { world, users } = run;
  const endings = new Set<() => void>();
  for (const step of plan.steps)
    world.time.schedule(world.self, step.atMs, () => {
      if (step.do === "fault") strike(step, { run, endings, troubleMs: plan.troubleMs });
      else users.begin(step);
    });
  return endings;
}

type Strike = Readonly<{ run: ObservedRun; endings: Set<() => void>; troubleMs: number }>;

function strike(planned: FaultStep, { run, endings, troubleMs }: Strike): void {
  const step = aimed(planned, run.world);
  if (!isFaultName(step.fault)) throw new Error(`there is no fault ${step.fault}`);
  const { time, trace, self, calm } = run.world;
  const lastsMs = Math.max(0, Math.min(step.forMs ?? 0, troubleMs - time.elapsedMs()));
  trace.note("fault", JSON.stringify(step));
  const settle = calm.disturb(step);
  const end = faults[step.fault].begin(run.world, { ...step, forMs: lastsMs });
  const finish = () => {
    if (!endings.delete(finish)) return;
    settle();
    if (!end) return;
    trace.note("fault", `${step.fault} of ${step.on} ends`);
    end();
  };
  endings.add(finish);
  time.schedule(self, end ? lastsMs : 0, finish);
}

/** The same fault, with the manager in place of `leader` that leads at the moment, or the first. */
function aimed(step: FaultStep, world: World): FaultStep {
  const machine = (name: string) => (name === LEADER ? (world.leader()?.name ?? "manager") : name);
  return { ...step, on: machine(step.on), ...(step.to !== undefined && { to: machine(step.to) }) };
}

/** Nothing is broken any more, and everything is up. */
function heal({ world }: ObservedRun, endings: Set<() => void>): void {
  for (const end of [...endings]) end();
  for (const part of world.parts.values()) {
    part.thaw();
    part.start();
  }
}

async function converge(run: ObservedRun, untilMs: number): Promise<void> {
  const { world, violations, complain, until } = run;
  while (violations.length === 0) {
    await until(world.time.elapsedMs() + LOOK_MS);
    const complaints = await auditAll(run);
    if (complaints.length === 0) return;
    if (world.time.elapsedMs() < untilMs) continue;
    for (const text of complaints) complain("converges", text);
  }
}

/** Asks services only when all that can be seen without them is right. */
async function auditAll(run: ObservedRun): Promise<readonly string[]> {
  const complaints = audit(run);
  if (complaints.length > 0) return complaints;
  const { time } = run.world;
  let answers: readonly string[] = ["services do not answer"];
  time.schedule(run.users.process, 0, () => {
    void auditCalls(run).then(
      (found) => {
        answers = found;
      },
      (error: unknown) => {
        answers = [`services do not answer: ${error}`];
      },
    );
  });
  await run.until(time.elapsedMs() + ANSWER_MS);
  return answers;
}

/** What would change if something still happened. */
const pictureOf = ({ ledger, world }: Witnesses): string =>
  [
    ...[...ledger.tasks.values()].map(({ id, revision }) => `${id}@${revision}`),
    ...[...world.machines.values()].flatMap(({ engine }) =>
      [...engine.containers.values()].map(({ id, state }) => `${id} ${state.kind}`),
    ),
  ].join("\n");

async function stayQuiet(run: ObservedRun): Promise<void> {
  const { world, violations, complain, until } = run;
  const before = pictureOf(run);
  await until(world.time.elapsedMs() + QUIET_MS);
  if (violations.length === 0 && pictureOf(run) !== before)
    complain("stays-quiet", `something changed after all was right: ${audit(run).join("; ")}`);
}
