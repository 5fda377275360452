import { attemptsOf, isLive, isWanted, type KnownAttempt } from "../../core/live-attempts.ts";
import {
  beginCheckup,
  type CheckResult,
  type Checkup,
  dueMsOf,
  hasFailed,
  PROBE_KINDS,
  type ProbeKind,
  record,
  vitalsOf,
} from "../../core/probe.ts";
import { questionOf, rulesOf } from "../../core/probe-plan.ts";
import { isCondemned } from "../../core/vitals.ts";
import { ProbeFrom } from "../../gen/berth/v1/probe_pb.ts";
import {
  Health,
  PortProtocol,
  type PublishedPort,
  type Task,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { runAgenda } from "../../lib/agenda.ts";
import { timedCheck } from "../../lib/checks/timed-check.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import type { NetworkCheck } from "../../lib/rpc/network-check.ts";
import { whenAborted } from "../../lib/stop.ts";
import { createTurnstile, type Turnstile } from "../../lib/turnstile.ts";
import type { Ledger } from "./ledger.ts";
import type { Observer } from "./observer.ts";
import type { Case } from "./prober-cases.ts";
import type { WorkerTable } from "./worker-table.ts";

type Deps = Readonly<{
  ledger: Ledger;
  workers: WorkerTable;
  observer: Observer;
  /** Asks a port at an IP address. */
  ask: NetworkCheck;
  clock: Clock;
  random: Random;
  log: Log;
}>;

/** Questions asked at the same time, all workers together. */
const QUESTIONS_MAX = 256;

/**
 * Asks the probes that are the manager's to ask until `signal` aborts. What they say goes into the
 * ledger; what follows from it is decided there. Attempts are found by the ledger's changes and,
 * those that ran before, when the link to their worker comes up.
 */
export async function runProber(deps: Deps, signal: AbortSignal): Promise<void> {
  const { ledger, workers } = deps;
  const bug = createBug();
  const rounds = createRounds({ ...deps, turnstile: createTurnstile(QUESTIONS_MAX) }, bug.raise);
  const unsubscribe = ledger.subscribe((changes) => {
    for (const { task, removed } of changes) rounds.attend(task, removed);
  });
  const linkedIds = new Set<string>();
  workers.subscribe(({ workerId, linked }) => {
    if (!linked) linkedIds.delete(workerId);
    // Every heartbeat is a change of its worker: only a link that comes up is news here.
    if (!linked || linkedIds.has(workerId) || signal.aborted) return;
    linkedIds.add(workerId);
    for (const task of [...ledger.tasks.placedOn(workerId)]) rounds.attend(task, false);
  });
  await Promise.race([whenAborted(signal), bug.raised]);
  unsubscribe();
  rounds.endAll();
}

function createBug() {
  let raise: (error: unknown) => void = () => undefined;
  const raised = new Promise<never>((_, reject) => {
    raise = reject;
  });
  return { raised, raise: (error: unknown) => raise(error) };
}

type Asking = Deps & Readonly<{ turnstile: Turnstile }>;

type Visits = Map<number, AbortController>;

/** One visit an attempt, for as long as it is to be probed. */
function createRounds(deps: Asking, onBug: (error: unknown) => void) {
  const byTask = new Map<string, Visits>();

  function begin(task: Task, known: KnownAttempt, visits: Visits): void {
    const mine = deps.observer.openCase(task, known);
    if (!mine) return;
    const control = new AbortController();
    visits.set(known.number, control);
    visit({ taskId: task.id, number: known.number, mine }, deps, control.signal).catch(onBug);
  }

  function end(taskId: string, visits: Visits, numbers: readonly number[]): void {
    for (const number of numbers) {
      visits.get(number)?.abort(OVER);
      visits.delete(number);
      deps.observer.closeCase({ taskId, attempt: number });
    }
  }

  function adjust(task: Task, due: readonly KnownAttempt[]): void {
    const visits: Visits = byTask.get(task.id) ?? new Map();
    const wanted = new Set(due.map(({ number }) => number));
    end(
      task.id,
      visits,
      [...visits.keys()].filter((number) => !wanted.has(number)),
    );
    for (const each of due) if (!visits.has(each.number)) begin(task, each, visits);
    if (visits.size > 0) byTask.set(task.id, visits);
    else byTask.delete(task.id);
  }

  return {
    /** Takes note of what has become of a task. */
    attend(task: Task, removed: boolean): void {
      if (!hasManagerProbe(task)) return;
      adjust(task, removed ? [] : attemptsOf(task).filter((each) => isProbed(task, each)));
    },
    endAll(): void {
      for (const [taskId, visits] of byTask) end(taskId, visits, [...visits.keys()]);
      byTask.clear();
    },
  };
}

const hasManagerProbe = ({ spec }: Task): boolean =>
  [spec?.startupProbe, spec?.livenessProbe, spec?.readinessProbe].some(
    (probe) => probe?.probeFrom === ProbeFrom.MANAGER,
  );

/** Given to `abort`, which makes an error with a stack for each call that has no reason. */
const OVER = "over";

const isProbed = (task: Task, known: KnownAttempt): boolean =>
  known.state === TaskState.RUNNING &&
  isLive(known) &&
  isWanted(task, known) &&
  !isCondemned(known);

type Patient = Readonly<{ taskId: string; number: number; mine: Case }>;

function visit(patient: Patient, deps: Asking, signal: AbortSignal): Promise<void> {
  const { clock, random, observer } = deps;
  const { taskId, number, mine } = patient;
  const { adopted, ageMs } = mine.age;
  const nowMs = clock.monotonic();
  const beginning = { startMs: nowMs - ageMs, nowMs, jitter: random(), adopted };
  const agenda = {
    keys: PROBE_KINDS,
    first: beginCheckup(rulesOf(mine.plan), beginning),
    dueMsOf,
    act: (kind: ProbeKind) => check(patient, kind, deps, signal),
    onState: (checkup: Checkup) => observer.feel({ taskId, attempt: number }, vitalsOf(checkup)),
  };
  return runAgenda(agenda, clock, signal);
}

async function check(
  patient: Patient,
  kind: ProbeKind,
  deps: Asking,
  signal: AbortSignal,
): Promise<(checkup: Checkup) => Checkup> {
  const { clock, turnstile, log } = deps;
  const { taskId, number, mine } = patient;
  const timeoutMs = rulesOf(mine.plan)[kind]?.timeoutMs ?? 0;
  let beginMs = clock.monotonic();
  const result = await turnstile.pass(() => {
    beginMs = clock.monotonic();
    const ask = (cut: AbortSignal) => askOne(patient, { kind, timeoutMs }, deps, cut);
    return timedCheck(ask, { clock, timeoutMs, signal });
  }, signal);
  if (!result) return (checkup) => checkup;
  if (result.kind !== "passed")
    log.debug({ taskId, attempt: number, probe: kind, ...result }, "probe not passed");
  const endMs = clock.monotonic();
  return (checkup) =>
    hasFailed(checkup) ? checkup : record(checkup, { kind, result, beginMs, endMs });
}

/**
 * Asks where the worker published the port. Without a link to the worker nothing is asked: it may
 * be lost, which is judged elsewhere, and it could not be told to stop anything.
 */
async function askOne(
  { taskId, number, mine }: Patient,
  { kind, timeoutMs }: Readonly<{ kind: ProbeKind; timeoutMs: number }>,
  { ledger, workers, ask }: Asking,
  signal: AbortSignal,
): Promise<CheckResult> {
  const task = ledger.tasks.get(taskId);
  const known = task && attemptsOf(task).find((each) => each.number === number);
  const probe = mine.plan[kind];
  const question = probe && questionOf(probe);
  if (!known || !question || question.kind === "exec") return unasked("there is nothing to ask");
  if (!workers.get(known.workerId)?.linked) return unasked("its worker is not linked");
  if (mine.heard.health === Health.STARTING) return unasked("it has not started up");
  const port = known.attempt.status?.ports.find((each) => isOf(each, question.port));
  if (!port) return { kind: "failed", message: `port ${question.port} is not published` };
  return ask({ ...question, host: port.hostAddress, port: port.hostPort, timeoutMs }, signal);
}

const unasked = (message: string): CheckResult => ({ kind: "unasked", message });

const isOf = ({ containerPort, protocol }: PublishedPort, port: number): boolean =>
  containerPort === port && protocol === PortProtocol.TCP;
