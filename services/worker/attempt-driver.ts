import type { Vitals } from "../../core/vitals.ts";
import { AssertionError } from "../../lib/assert.ts";
import { type Bell, createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import { LateAbort } from "../../lib/late-abort.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { type Backoff, createBackoff } from "../../lib/retry.ts";
import type { Tracer } from "../../lib/trace/tracer.ts";
import { advance, type Engine } from "./advance.ts";
import {
  type Attempt,
  type AttemptFailure,
  attemptFields,
  containerOf,
  type Stage,
  type Wish,
} from "./attempt.ts";
import { AttemptCell } from "./attempt-cell.ts";
import { deadlineOf } from "./attempt-deadline.ts";
import type { AttemptSpec } from "./attempt-resources.ts";
import { type AttemptSpans, createAttemptSpans } from "./attempt-spans.ts";
import { troubleAfter } from "./attempt-trouble.ts";
import { type AttemptKey, type Owner, RuntimeError } from "./runtime.ts";

/** Moves one attempt from where it stands to its end. */
export interface AttemptDriver {
  /** Where it stands now. */
  current(): Attempt;
  /** The manager asks for a start: what an adopted attempt waits for. */
  start(spec: AttemptSpec): void;
  /** The manager asks for a stop. Interrupts a pull and every wait. The first grace counts. */
  stop(graceMs: number): void;
  /** The worker itself stops the attempt, which fails. A stop that is asked for comes first. */
  fail(failure: AttemptFailure, graceMs: number): void;
  /** Its probes have been asked. */
  feel(vitals: Vitals): void;
  /** Something may have happened to the container, or the engine is back: look now. */
  hint(): void;
  /** Moves the attempt until it has ended or is left. Rejects only for a bug. */
  run(): Promise<void>;
  /** Lets the attempt be: its container runs on, and nothing more is reported. */
  leave(): void;
}

export type DriverDeps = Readonly<{
  engine: Engine;
  owner: Owner;
  clock: Clock;
  random: Random;
  log: Log;
  /** Called at once for every change that others have to hear of, in order. */
  onNews: (attempt: Attempt) => void;
  /** Makes durable why the worker ends an attempt, before it does. Never rejects. */
  onVerdict: (key: AttemptKey, failure: AttemptFailure) => Promise<void>;
  /** Absent: nothing is traced. */
  tracer?: Tracer | undefined;
}>;

/** What one attempt is driven by. Changed only by the functions of this file. */
type Drive = {
  readonly deps: DriverDeps;
  readonly cell: AttemptCell;
  readonly bell: Bell;
  /** Aborts the pull under way: its image is not waited for any more. */
  readonly pulling: LateAbort;
  readonly spans: AttemptSpans;
  /** Made for the first trouble, which most never have. */
  backoff: Backoff | undefined;
  /** Whether the attempt is let be, and what that ends. */
  isLeft: boolean;
  onLeave: () => void;
  /** The step that was under way when its deadline passed. */
  straggler: Promise<Stage> | undefined;
};

/** Waits between two tries of a step that the engine did not answer. */
const RETRY = { firstMs: 200, capMs: 5_000, stableMs: 5_000 } as const;

const NOTHING = () => undefined;

export function createAttemptDriver(deps: DriverDeps, first: Attempt): AttemptDriver {
  return new Driver({
    deps,
    cell: new AttemptCell(deps, first),
    bell: createBell(deps.clock),
    pulling: new LateAbort(),
    spans: createAttemptSpans(deps.tracer, first),
    backoff: undefined,
    isLeft: false,
    onLeave: NOTHING,
    straggler: undefined,
  });
}

/** A class because there are so many: of each, eight closures were half a kilobyte. */
class Driver implements AttemptDriver {
  private readonly drive: Drive;

  constructor(drive: Drive) {
    this.drive = drive;
  }

  current(): Attempt {
    return this.drive.cell.read();
  }

  start(spec: AttemptSpec): void {
    if (this.current().spec) return;
    this.drive.cell.change({ spec });
    this.hint();
  }

  stop(graceMs: number): void {
    const { wish } = this.current();
    if (wish.kind === "run") this.wishFor({ kind: "stop", graceMs });
    else if (wish.failure) this.wishFor({ kind: "stop", graceMs: wish.graceMs });
  }

  fail(failure: AttemptFailure, graceMs: number): void {
    if (this.current().wish.kind === "run") this.wishFor({ kind: "stop", graceMs, failure });
  }

  feel(vitals: Vitals): void {
    if (this.current().stage.kind === "running") this.drive.cell.change({ vitals });
  }

  hint(): void {
    this.drive.bell.ring();
  }

  run(): Promise<void> {
    return runToEnd(this.drive);
  }

  leave(): void {
    this.drive.isLeft = true;
    this.drive.spans.leave();
    this.drive.onLeave();
    this.hint();
    this.drive.pulling.abort();
  }

  private wishFor(wish: Wish): void {
    this.drive.cell.change({ wish });
    this.drive.pulling.abort();
    this.hint();
  }
}

async function runToEnd(drive: Drive): Promise<void> {
  const { cell, bell } = drive;
  while (cell.read().stage.kind !== "ended" && !drive.isLeft) {
    if (isAtRest(cell.read())) await bell.wait();
    if (!drive.isLeft) await takeStep(drive);
  }
  await awaitStraggler(drive);
}

/** Whether there is nothing to do before something happens. */
function isAtRest({ stage, wish, spec, trouble }: Attempt): boolean {
  if (wish.kind === "stop" || trouble) return false;
  return stage.kind === "running" || (stage.kind === "held" && spec === undefined);
}

async function takeStep(drive: Drive): Promise<void> {
  const { cell, bell, deps, pulling, spans } = drive;
  const { engine, owner } = deps;
  // The step sees all that was rung before it: a second look would show the same.
  bell.hush();
  await noteVerdict(drive);
  try {
    const attempt = cell.read();
    const step = spans.follow(attempt, advance(attempt, { engine, owner, pulling }));
    const stage = await endOrOverdue(drive, step);
    if (!drive.isLeft) moveTo(drive, stage);
  } catch (error) {
    if (error instanceof AssertionError) throw error;
    if (!drive.isLeft && !wasInterrupted(cell.read())) await endure(drive, error);
  }
}

/** Once the container has ended only its exit code is left, which does not tell why. */
function noteVerdict({ cell, deps }: Drive): Promise<void> | undefined {
  const { key, stage, wish } = cell.read();
  const isVerdict = stage.kind === "stopping" && wish.kind === "stop" && wish.failure;
  return isVerdict ? deps.onVerdict(key, wish.failure) : undefined;
}

/** Where a step leads. When its deadline passes first, that is the end of the attempt. */
function endOrOverdue(drive: Drive, step: Promise<Stage>): Promise<Stage> {
  const { clock } = drive.deps;
  const dueMs = deadlineOf(drive.cell.read())?.dueMs;
  if (dueMs === undefined) return step;
  return new Promise((resolve, reject) => {
    const disarm = clock.after(dueMs - clock.monotonic(), () => {
      const end = overdueEnd(drive, step);
      if (end) resolve(end);
    });
    drive.onLeave = disarm;
    void step.then(resolve, reject).then(disarm);
  });
}

/** The end that a deadline makes, if it still counts. */
function overdueEnd(drive: Drive, step: Promise<Stage>): Stage | undefined {
  const end = deadlineOf(drive.cell.read())?.end();
  if (!end) return undefined;
  drive.straggler = step;
  drive.pulling.abort(DONE);
  return end;
}

/** Given to `abort`, which makes an error with a stack for each call that has no reason. */
const DONE = "done";

/** What was given up may have made a container all the same: then the end tells of it. */
async function awaitStraggler({ cell, deps, straggler }: Drive): Promise<void> {
  try {
    const late = await straggler;
    const container = late && containerOf(late);
    const { stage } = cell.read();
    if (container && stage.kind === "ended") cell.change({ stage: { ...stage, container } });
  } catch (error) {
    if (error instanceof AssertionError) throw error;
    deps.log.debug({ ...attemptFields(cell.read()), err: error }, "step given up has failed");
  }
}

function moveTo({ cell, backoff, spans }: Drive, stage: Stage): void {
  if (stage.kind !== cell.read().stage.kind) backoff?.reset();
  cell.change({ stage, trouble: undefined });
  spans.note(stage);
}

/** Whether a failed step is no trouble: a stop has cut a pull short. */
const wasInterrupted = ({ stage, wish }: Attempt) =>
  stage.kind === "pulling" && wish.kind === "stop";

async function endure(drive: Drive, error: unknown): Promise<void> {
  const { cell, bell, deps } = drive;
  const { clock } = deps;
  if (!cell.read().trouble) logTrouble(drive, error);
  cell.change({ trouble: troubleAfter(cell.read(), error, clock.monotonic()) });
  const { dueMs = Number.POSITIVE_INFINITY } = deadlineOf(cell.read()) ?? {};
  drive.backoff ??= createBackoff({ ...RETRY, random: deps.random, clock });
  await bell.wait(undefined, Math.min(drive.backoff.next(), dueMs - clock.monotonic()));
  const deadline = deadlineOf(cell.read());
  const isOverdue = deadline !== undefined && clock.monotonic() >= deadline.dueMs;
  if (isOverdue && !drive.isLeft) moveTo(drive, deadline.end());
}

function logTrouble({ cell, deps }: Drive, error: unknown): void {
  const { log } = deps;
  const attempt = cell.read();
  const fields = { ...attemptFields(attempt), stage: attempt.stage.kind, err: error };
  if (error instanceof RuntimeError) log.warn(fields, "step failed, trying again");
  else log.error(fields, "step failed unexpectedly, trying again");
}
