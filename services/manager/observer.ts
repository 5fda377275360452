import { create } from "@bufbuild/protobuf";
import { lostStatus, recordReturn } from "../../core/attempt-lost.ts";
import { findAttempt, type KnownAttempt } from "../../core/live-attempts.ts";
import { observe, vanished } from "../../core/observe.ts";
import type { TaskChange } from "../../core/task-change.ts";
import { isTerminal } from "../../core/task-state.ts";
import { toTimestamp } from "../../core/time.ts";
import { combined, type Vitals } from "../../core/vitals.ts";
import {
  type AttemptStatus,
  AttemptStatusSchema,
  FailureReason,
  type Task,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import type { AttemptReport } from "../../gen/berth/v1/worker_service_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import type { Ledger } from "./ledger.ts";
import { type Case, createCases } from "./prober-cases.ts";
import { taskFields } from "./task-fields.ts";

type AttemptName = Readonly<{ taskId: string; attempt: number }>;

/** Brings what was seen of attempts into the ledger. Who must know when it is durable waits for `settled`. */
export interface Observer {
  /** A worker's own word. */
  report(report: AttemptReport): void;
  /** What the manager's own probes say of a running attempt. */
  feel(name: AttemptName, vitals: Vitals): void;
  /** What is known of an attempt that the manager probes. Undefined when it does not. */
  openCase(task: Task, known: KnownAttempt): Case | undefined;
  closeCase(name: AttemptName): void;
  /** A worker should hold the attempt and has no trace of it. */
  vanish(name: AttemptName): void;
  /** A worker will not take the attempt. */
  refuse(name: AttemptName, message: string): void;
  /** The attempt's worker is lost. */
  lose(name: AttemptName, message: string): void;
}

type Deps = Readonly<{ ledger: Ledger; clock: Clock; random: Random; log: Log }>;

export function createObserver({ ledger, clock, random, log }: Deps): Observer {
  const cases = createCases();

  function see({ taskId, attempt }: AttemptName, status: AttemptStatus): void {
    const task = ledger.tasks.get(taskId);
    if (!task) return;
    const changes = observe(task, { attempt, status, now: clock.now(), jitter: random() });
    for (const change of changes) tell(log, change);
    if (changes.length > 0) void ledger.commit(changes);
  }

  /** A lost attempt still runs: its worker is back. That it must stop is the link's business. */
  function noteReturn(task: Task, attempt: number): void {
    const changes = recordReturn(task, attempt, clock.now());
    for (const change of changes) tell(log, change);
    if (changes.length > 0) void ledger.commit(changes);
  }

  return {
    report: ({ taskId, attempt, status }) => {
      const task = ledger.tasks.get(taskId);
      const known = task && findAttempt(task, attempt);
      if (!known || !status) return;
      see({ taskId, attempt }, cases.complete(task, known, status));
      if (known.state === TaskState.LOST && !isTerminal(status.state)) noteReturn(task, attempt);
    },
    openCase: cases.open,
    closeCase: ({ taskId, attempt }) => cases.close(taskId, attempt),
    feel({ taskId, attempt }, vitals) {
      const task = ledger.tasks.get(taskId);
      const known = task && findAttempt(task, attempt);
      const mine = known && cases.open(task, known);
      const status = known?.attempt.status;
      if (!mine || status?.state !== TaskState.RUNNING) return;
      mine.own = vitals;
      see({ taskId, attempt }, { ...status, ...combined(mine.heard, vitals) });
    },
    vanish(name) {
      const task = ledger.tasks.get(name.taskId);
      if (task) see(name, vanished(task, name.attempt, clock.now()));
    },
    lose({ taskId, attempt }, message) {
      const task = ledger.tasks.get(taskId);
      const known = task && findAttempt(task, attempt);
      if (known) see({ taskId, attempt }, lostStatus(known.attempt, message, clock.now()));
    },
    refuse: (name, message) => see(name, refusedStatus(message, clock.now())),
  };
}

function tell(log: Log, { task, fromState, reason, workerId }: TaskChange): void {
  const move = { from: TaskState[fromState], to: TaskState[task.state] };
  const names = { ...taskFields(task), ...(workerId !== "" && { workerId }) };
  log.info({ ...names, ...move, reason }, "task state changed");
}

const refusedStatus = (message: string, now: number): AttemptStatus =>
  create(AttemptStatusSchema, {
    state: TaskState.FAILED,
    observeTime: toTimestamp(now),
    failure: { reason: FailureReason.REFUSED, message },
  });
