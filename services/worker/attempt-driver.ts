import type { Vitals } from "../../core/vitals.ts";
import { AssertionError } from "../../lib/assert.ts";
import { type Bell, createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import { createLateAbort, type LateAbort } from "../../lib/late-abort.ts";
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
import { type AttemptCell, createAttemptCell } from "./attempt-cell.ts";
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

type Drive = DriverDeps &
  Readonly<{
    cell: AttemptCell;
    bell: Bell;
    backoff: Backoff;
    /** Aborts the pull under way: its image is not waited for any more. */
    pulling: LateAbort;
    /** Whether the attempt is let be. */
    leaving: { isLeft: boolean; onLeave: () => void };
    /** The step that was under way when its deadline passed. */
    straggler: { step: Promise<Stage> | undefined };
    spans: AttemptSpans;
  }>;

/** Waits between two tries of a step that the engine did not answer. */
const RETRY_MS_FIRST = 200;
const RETRY_MS_CAP = 5_000;

export function createAttemptDriver(deps: DriverDeps, first: Attempt): AttemptDriver {
  const retry = { firstMs: RETRY_MS_FIRST, capMs: RETRY_MS_CAP, stableMs: RETRY_MS_CAP };
  const drive: Drive = {
    ...deps,
    cell: createAttemptCell(deps, first),
    bell: createBell(deps.clock),
    backoff: createBackoff({ ...retry, random: deps.random, clock: deps.clock }),
    pulling: createLateAbort(),
    leaving: { isLeft: false, onLeave: () => undefined },
    straggler: { step: undefined },
    spans: createAttemptSpans(deps.tracer, first),
  };
  const { cell, bell, pulling, leaving } = drive;
  function stop(wish: Wish): void {
    cell.change({ wish });
    pulling.abort();
    bell.ring();
  }
  return {
    current: cell.read,
    start(spec) {
      if (cell.read().spec) return;
      cell.change({ spec });
      bell.ring();
    },
    stop(graceMs) {
      const { wish } = cell.read();
      if (wish.kind === "run") stop({ kind: "stop", graceMs });
      else if (wish.failure) stop({ kind: "stop", graceMs: wish.graceMs });
    },
    fail(failure, graceMs) {
      if (cell.read().wish.kind === "run") stop({ kind: "stop", graceMs, failure });
    },
    feel(vitals) {
      if (cell.read().stage.kind === "running") cell.change({ vitals });
    },
    hint: bell.ring,
    run: () => runToEnd(drive),
    leave() {
      leaving.isLeft = true;
      drive.spans.leave();
      leaving.onLeave();
      bell.ring();
      pulling.abort();
    },
  };
}

async function runToEnd(drive: Drive): Promise<void> {
  const { cell, bell, leaving } = drive;
  while (cell.read().stage.kind !== "ended" && !leaving.isLeft) {
    if (isAtRest(cell.read())) await bell.wait();
    if (!leaving.isLeft) await takeStep(drive);
  }
  await awaitStraggler(drive);
}

/** Whether there is nothing to do before something happens. */
function isAtRest({ stage, wish, spec, trouble }: Attempt): boolean {
  if (wish.kind === "stop" || trouble) return false;
  return stage.kind === "running" || (stage.kind === "held" && spec === undefined);
}

async function takeStep(drive: Drive): Promise<void> {
  const { cell, bell, engine, owner, pulling, leaving, spans } = drive;
  // The step sees all that was rung before it: a second look would show the same.
  bell.hush();
  await noteVerdict(drive);
  try {
    const attempt = cell.read();
    const step = spans.follow(attempt, advance(attempt, { engine, owner, pulling }));
    const stage = await endOrOverdue(drive, step);
    if (!leaving.isLeft) moveTo(drive, stage);
  } catch (error) {
    if (error instanceof AssertionError) throw error;
    if (!leaving.isLeft && !wasInterrupted(cell.read())) await endure(drive, error);
  }
}

/** Once the container has ended only its exit code is left, which does not tell why. */
function noteVerdict({ cell, onVerdict }: Drive): Promise<void> | undefined {
  const { key, stage, wish } = cell.read();
  const isVerdict = stage.kind === "stopping" && wish.kind === "stop" && wish.failure;
  return isVerdict ? onVerdict(key, wish.failure) : undefined;
}

/** Where a step leads. When its deadline passes first, that is the end of the attempt. */
function endOrOverdue(drive: Drive, step: Promise<Stage>): Promise<Stage> {
  const { cell, clock, leaving } = drive;
  const dueMs = deadlineOf(cell.read())?.dueMs;
  if (dueMs === undefined) return step;
  return new Promise((resolve, reject) => {
    const disarm = clock.after(dueMs - clock.monotonic(), () => {
      const end = overdueEnd(drive, step);
      if (end) resolve(end);
    });
    leaving.onLeave = disarm;
    void step.then(resolve, reject).then(disarm);
  });
}

/** The end that a deadline makes, if it still counts. */
function overdueEnd({ cell, pulling, straggler }: Drive, step: Promise<Stage>): Stage | undefined {
  const end = deadlineOf(cell.read())?.end();
  if (!end) return undefined;
  straggler.step = step;
  pulling.abort(DONE);
  return end;
}

/** Given to `abort`, which makes an error with a stack for each call that has no reason. */
const DONE = "done";

/** What was given up may have made a container all the same: then the end tells of it. */
async function awaitStraggler({ cell, log, straggler }: Drive): Promise<void> {
  try {
    const late = await straggler.step;
    const container = late && containerOf(late);
    const { stage } = cell.read();
    if (container && stage.kind === "ended") cell.change({ stage: { ...stage, container } });
  } catch (error) {
    if (error instanceof AssertionError) throw error;
    log.debug({ ...attemptFields(cell.read()), err: error }, "step given up has failed");
  }
}

function moveTo({ cell, backoff, spans }: Drive, stage: Stage): void {
  if (stage.kind !== cell.read().stage.kind) backoff.reset();
  cell.change({ stage, trouble: undefined });
  spans.note(stage);
}

/** Whether a failed step is no trouble: a stop has cut a pull short. */
const wasInterrupted = ({ stage, wish }: Attempt) =>
  stage.kind === "pulling" && wish.kind === "stop";

async function endure(drive: Drive, error: unknown): Promise<void> {
  const { cell, bell, backoff, clock, leaving } = drive;
  if (!cell.read().trouble) logTrouble(drive, error);
  cell.change({ trouble: troubleAfter(cell.read(), error, clock.monotonic()) });
  const { dueMs = Number.POSITIVE_INFINITY } = deadlineOf(cell.read()) ?? {};
  await bell.wait(undefined, Math.min(backoff.next(), dueMs - clock.monotonic()));
  const deadline = deadlineOf(cell.read());
  const isOverdue = deadline !== undefined && clock.monotonic() >= deadline.dueMs;
  if (isOverdue && !leaving.isLeft) moveTo(drive, deadline.end());
}

function logTrouble({ cell, log }: Drive, error: unknown): void {
  const attempt = cell.read();
  const fields = { ...attemptFields(attempt), stage: attempt.stage.kind, err: error };
  if (error instanceof RuntimeError) log.warn(fields, "step failed, trying again");
  else log.error(fields, "step failed unexpectedly, trying again");
}
