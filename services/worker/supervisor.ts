import { assert } from "../../lib/assert.ts";
import type { Clock } from "../../lib/clock.ts";
import { exhausted, unavailable, wrongState } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createStop } from "../../lib/stop.ts";
import type { TraceContext } from "../../lib/trace/trace-context.ts";
import type { Tracer } from "../../lib/trace/tracer.ts";
import { firstStage } from "./advance.ts";
import type { Attempt, AttemptFailure } from "./attempt.ts";
import type { DriverDeps } from "./attempt-driver.ts";
import type { AttemptSpec } from "./attempt-resources.ts";
import type { ProbeCalls } from "./prober-calls.ts";
import { createWard } from "./prober-ward.ts";
import type { AttemptKey, Owner, Runtime } from "./runtime.ts";
import { ordersOf } from "./standing-orders.ts";
import { createAdoption } from "./supervisor-adoption.ts";
import { createCutOff } from "./supervisor-cut-off.ts";
import { createDisposal, type Disposal } from "./supervisor-disposal.ts";
import { follow } from "./supervisor-follow.ts";
import { type AttemptTable, createAttemptTable } from "./supervisor-table.ts";
import type { Verdicts } from "./verdicts.ts";
import { createGate, type Gate } from "./worker-gate.ts";

/**
 * Runs attempts as containers: one small state machine each, and one eye on the engine.
 * `start`, `stop` and `forget` may be called only once adoption is done.
 */
export interface Supervisor {
  /**
   * Adopts the containers that are there, then keeps attempts and containers together until
   * `signal` aborts. Containers run on. Rejects only for a bug.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves once every container is known; throws UNAVAILABLE when the engine is too slow. */
  adopted(): Promise<void>;
  /**
   * Begins an attempt, below the span that `trace` names. One that is known already is left alone.
   * Throws RESOURCE_EXHAUSTED.
   */
  start(key: AttemptKey, spec: AttemptSpec, trace?: TraceContext): void;
  /** Asks an attempt to stop. One that has ended, or is not known, is left alone. */
  stop(key: AttemptKey, graceMs: number): void;
  /** The same for one that has failed although it runs: its container is kept for its logs. */
  fail(key: AttemptKey, failure: AttemptFailure, graceMs: number): void;
  /**
   * The cluster counts on this worker no more, for the reason in `message`: attempts that are
   * ordered to stop then fail as DISCONNECTED, those that are still to come too.
   */
  cutOff(message: string): void;
  /** The cluster counts on this worker again. */
  rejoin(): void;
  isCutOff(): boolean;
  /** Drops an ended attempt; its container goes soon. Throws FAILED_PRECONDITION otherwise. */
  forget(key: AttemptKey): void;
  find(key: AttemptKey): Attempt | undefined;
  /** Every attempt held, ordered by task and number. */
  list(): readonly Attempt[];
  /** How many attempts are held. */
  readonly count: number;
}

export type SupervisorDeps = Readonly<{
  runtime: Runtime;
  probes: ProbeCalls;
  verdicts: Verdicts;
  /** Undefined until a cluster has claimed the worker; then always the same. */
  owner: () => Owner | undefined;
  /** What the engine last said that it is. Empty before it has spoken. */
  engine: () => string;
  clock: Clock;
  random: Random;
  log: Log;
  /** Called at once for every change that others have to hear of, in order. */
  onReport: (attempt: Attempt) => void;
  /** Absent: nothing is traced. */
  tracer?: Tracer | undefined;
}>;

/** The most attempts a worker holds, ended ones included. */
export const ATTEMPTS_MAX = 2_000;

/** How long a call waits for adoption: less than the 5 s that callers give a unary call. */
export const ADOPTION_WAIT_MS = 4_000;

type Parts = SupervisorDeps &
  Readonly<{ table: AttemptTable; disposal: Disposal; adoption: Gate; life: AbortController }>;

export function createSupervisor(deps: SupervisorDeps): Supervisor {
  const life = createStop();
  const bug = createGate();
  const disposal = createDisposal({ ...deps, signal: life.signal });
  const cutOff = createCutOff({ drivers: () => table.drivers(), log: deps.log });
  const ward = createWard({
    ...deps,
    calls: deps.probes,
    find: (key) => table.find(key),
    signal: life.signal,
    onBug: bug.fail,
  });
  const onNews = (attempt: Attempt) => {
    deps.onReport(attempt);
    ward.attend(attempt);
  };
  let driverDeps: DriverDeps | undefined;
  const table: AttemptTable = createAttemptTable({
    engine: deps.engine,
    driverDeps() {
      driverDeps ??= driverDepsOf(deps, onNews);
      return driverDeps;
    },
    signal: life.signal,
    onAdd: cutOff.onAdd,
    onEnd: (attempt) => sweep(attempt, disposal),
    onBug: bug.fail,
  });
  const parts: Parts = { ...deps, table, disposal, life, adoption: createGate() };
  return {
    async run(signal) {
      signal.addEventListener("abort", () => life.abort(), { once: true });
      const { onHint, onList } = createAdoption({ ...parts, done: parts.adoption });
      const target = { owner: ownerOf(deps), signal: life.signal, onHint, onList };
      await Promise.race([follow(deps, target), bug.opened]);
    },
    adopted: createWait(parts),
    start: (key, spec, trace) => start(parts, key, { spec, trace }),
    stop: (key, graceMs) => table.find(key)?.stop(graceMs),
    fail: (key, failure, graceMs) => table.find(key)?.fail(failure, graceMs),
    cutOff: cutOff.begin,
    rejoin: cutOff.end,
    isCutOff: cutOff.isOn,
    forget: (key) => forget(parts, key),
    find: (key) => table.find(key)?.current(),
    list: table.list,
    get count() {
      return table.count;
    },
  };
}

function ownerOf(deps: SupervisorDeps): Owner {
  const owner = deps.owner();
  assert(owner, "nothing runs on a worker before a cluster has claimed it");
  return owner;
}

const driverDepsOf = (deps: SupervisorDeps, onNews: (attempt: Attempt) => void): DriverDeps => ({
  engine: deps.runtime,
  owner: ownerOf(deps),
  clock: deps.clock,
  random: deps.random,
  log: deps.log,
  tracer: deps.tracer,
  onNews,
  onVerdict: deps.verdicts.note,
});

/** Removes what an attempt left behind that ended while the engine was silent. */
function sweep({ key, stage }: Attempt, disposal: Disposal): void {
  if (stage.kind === "ended" && stage.remains === "unwanted" && stage.container)
    disposal.dispose(key, stage.container.id);
}

/** All who wait share one timer, so the wait is `ADOPTION_WAIT_MS` at most. */
function createWait({ adoption, clock, life }: Parts): () => Promise<void> {
  let timer: Promise<void> | undefined;
  return async () => {
    if (adoption.isOpen) return;
    timer ??= clock.sleep(ADOPTION_WAIT_MS, life.signal).finally(() => {
      timer = undefined;
    });
    await Promise.race([adoption.opened, timer]);
    if (adoption.isOpen) return;
    const message = "the container engine has not told yet which containers run: try again";
    throw unavailable("ADOPTION_PENDING", message, { retryMs: 1_000 });
  };
}

type Job = Readonly<{ spec: AttemptSpec; trace: TraceContext | undefined }>;

function start({ table, disposal }: Parts, key: AttemptKey, { spec, trace }: Job): void {
  if (disposal.isDisposing(key)) return;
  const known = table.find(key);
  if (known) {
    known.start(spec);
    return;
  }
  if (table.count >= ATTEMPTS_MAX)
    throw exhausted(
      "TOO_MANY_ATTEMPTS",
      `the worker holds ${table.count} attempts, the most it can: forget ended ones first`,
    );
  const [orders, stage] = [ordersOf(spec), firstStage(spec)];
  table.add({ key, name: spec.name || key.taskId, spec, orders, stage, trace });
}

function forget({ table, disposal, verdicts }: Parts, key: AttemptKey): void {
  const stage = table.find(key)?.current().stage;
  if (!stage) return;
  if (stage.kind !== "ended")
    throw wrongState(
      "ATTEMPT_NOT_ENDED",
      `attempt ${key.attempt} of task ${key.taskId} has not ended: stop it first`,
    );
  table.delete(key);
  verdicts.drop(key);
  if (stage.container && stage.remains !== "gone") disposal.dispose(key, stage.container.id);
}
