import type { KnownAttempt } from "../../core/live-attempts.ts";
import { firstVitals, isEmptyPlan, type ProbePlan, planOf } from "../../core/probe-plan.ts";
import { combined, UNPROBED, type Vitals } from "../../core/vitals.ts";
import { ProbeFrom } from "../../gen/berth/v1/probe_pb.ts";
import {
  type AttemptStatus,
  Health,
  type Task,
  type TaskSpec,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";

/** What two sides say of one running attempt that the manager probes. */
export type Case = {
  /** The probes that the manager asks. */
  readonly plan: ProbePlan;
  /** Whether it ran already when this manager began, and then for how long at least. */
  readonly age: Readonly<{ adopted: boolean; ageMs: number }>;
  /** What the manager's own probes said last. */
  own: Vitals;
  /** What the worker said last. */
  heard: Vitals;
};

/**
 * The running attempts that this manager probes. The ledger holds what both sides say together;
 * here they are kept apart, so that each can change. All of it can be told from the ledger again.
 */
export interface Cases {
  /** The case of an attempt. Undefined when the manager has nothing to ask it. */
  open(task: Task, known: KnownAttempt): Case | undefined;
  close(taskId: string, number: number): void;
  /** What a worker's report amounts to with what the manager's own probes say. */
  complete(task: Task, known: KnownAttempt, status: AttemptStatus): AttemptStatus;
}

export function createCases(): Cases {
  const cases = new Map<string, Case>();

  function open(task: Task, known: KnownAttempt): Case | undefined {
    const key = keyOf(task.id, known.number);
    const found = cases.get(key);
    if (found) return found;
    const made = task.spec && newCase(task.spec, known);
    if (made) cases.set(key, made);
    return made;
  }

  return {
    open,
    close: (taskId, number) => void cases.delete(keyOf(taskId, number)),
    complete(task, known, status) {
      if (status.state !== TaskState.RUNNING) return status;
      const mine = open(task, known);
      if (!mine) return status;
      const { health, ready, probeMessage } = status;
      mine.heard = { health, ready, probeMessage };
      return { ...status, ...combined(mine.heard, mine.own) };
    },
  };
}

function newCase(spec: TaskSpec, { state, attempt }: KnownAttempt): Case | undefined {
  const plan = planOf(spec, ProbeFrom.MANAGER);
  if (isEmptyPlan(plan)) return undefined;
  const status = state === TaskState.RUNNING ? attempt.status : undefined;
  const age = ageOf(status);
  const heard = status ? workersPart(spec, status) : UNPROBED;
  return { plan, age, own: firstVitals(plan, age), heard };
}

const keyOf = (taskId: string, number: number) => `${taskId}/${number}`;

/**
 * A manager before this one may have found the attempt well: then it is old enough for every start
 * period. Otherwise its time begins now, by this manager's own clock, which a worker's clock that
 * goes wrong cannot disturb.
 */
function ageOf(status: AttemptStatus | undefined): Case["age"] {
  const isUnasked = status?.health === Health.UNSPECIFIED;
  const adopted = status?.health === Health.HEALTHY || (isUnasked && status.ready);
  return { adopted, ageMs: adopted ? Number.MAX_SAFE_INTEGER : 0 };
}

/** The worker's part of what both sides said together, as far as the worker asks anything. */
function workersPart(spec: TaskSpec, { health, ready }: AttemptStatus): Vitals {
  const { startup, liveness, readiness } = planOf(spec, ProbeFrom.WORKER);
  return {
    health: startup || liveness ? health : Health.UNSPECIFIED,
    ready: startup || readiness ? ready : true,
    probeMessage: "",
  };
}
