import type { Vitals } from "../../core/vitals.ts";
import { type FailureReason, type PublishedPort, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { TraceContext } from "../../lib/trace/trace-context.ts";
import type { AttemptSpec } from "./attempt-resources.ts";
import type { AttemptKey } from "./runtime.ts";
import type { StandingOrders } from "./standing-orders.ts";

/**
 * An attempt as the worker that runs it sees it. A value: whoever moves it makes a new one.
 */
export type Attempt = Readonly<{
  key: AttemptKey;
  /** Name of the task, for discovery and for people. */
  name: string;
  /** Undefined for an adopted attempt: its container tells all but the spec. */
  spec: AttemptSpec | undefined;
  /** What the container of an adopted attempt was made of. */
  image?: string;
  /** The engine it was given to, such as `docker 20.10.24`. Empty where that had not told. */
  engine: string;
  orders: StandingOrders;
  /** What its probes said last. Absent before the first of them was asked. */
  vitals?: Vitals | undefined;
  wish: Wish;
  stage: Stage;
  /** When the effort began of which the stage is a part, by the monotonic clock. */
  effortMs: number;
  /** Why the current step is being repeated. Undefined while all goes well. */
  trouble: Trouble | undefined;
  /** When the state that the stage stands for was first observed. */
  observeTimeMs: number;
  /** The span in which it was placed. Absent: nobody traces it, or it was adopted. */
  trace?: TraceContext | undefined;
}>;

/**
 * What is wanted of an attempt. It only grows: from run to stop, never back. A `failure` is why the
 * worker itself stops it; absent when the manager asked.
 */
export type Wish =
  | Readonly<{ kind: "run" }>
  | Readonly<{ kind: "stop"; graceMs: number; failure?: AttemptFailure }>;

/** A container that exists, or did when the engine last spoke of it. */
export type Container = Readonly<{
  id: string;
  /** By the engine's own account. Undefined before it has started. */
  startTimeMs: number | undefined;
  /** Empty before it has started. */
  ports: readonly PublishedPort[];
  /** ID of the image it was made of. Absent until it was looked at. */
  imageId?: string;
  /** Its own IP address. Absent before it has started, and where it has no network. */
  address?: string;
}>;

/** Where an attempt stands: what was done last, and so what `advance` does next. */
export type Stage =
  /** The image is to be fetched. */
  | Readonly<{ kind: "pulling" }>
  /** The container is to be made. */
  | Readonly<{ kind: "creating"; isPulled: boolean }>
  /** Adopted before it was started: waits for the manager to ask again. */
  | Readonly<{ kind: "held"; container: Container }>
  /** The container is to be started. `isInherited`: a life before may have asked for that as well. */
  | Readonly<{ kind: "starting"; container: Container; isInherited?: true }>
  /** The container was started and has not been seen running. */
  | Readonly<{ kind: "confirming"; container: Container }>
  | Readonly<{ kind: "running"; container: Container }>
  /** A stop is wanted, and the engine went silent while it was asked for a container. */
  | Readonly<{ kind: "searching" }>
  | Readonly<{ kind: "stopping"; container: Container }>
  /** All is decided but for the container, which has to go first. */
  | Readonly<{ kind: "removing"; container: Container; outcome: Outcome }>
  | Ended;

export type Ended = Readonly<{
  kind: "ended";
  outcome: Outcome;
  container: Container | undefined;
  /**
   * `kept`: the container is there until it is forgotten, for its logs. `gone`: there is none.
   * `unwanted`: there may be one, and whoever meets it removes it.
   */
  remains: "kept" | "gone" | "unwanted";
}>;

/** How an attempt ended. */
export type Outcome = Readonly<{
  state: TaskState.COMPLETED | TaskState.STOPPED | TaskState.FAILED;
  message: string;
  /** Undefined where no process ever ran, or nobody saw it end. */
  exit: Readonly<{ exitCode: number; startTimeMs?: number; finishTimeMs?: number }> | undefined;
  failure: AttemptFailure | undefined;
}>;

export type AttemptFailure = Readonly<{ reason: FailureReason; message: string; signal?: number }>;

/** A step that did not work and is repeated. */
export type Trouble = Readonly<{
  /** When it first failed, by the monotonic clock. */
  sinceMs: number;
  /** What went wrong, the same words for every try. */
  words: string;
  /** Whether a stop was carried out and the container outlived it. */
  isStopTimeout: boolean;
}>;

/** One string an attempt, for maps. */
export const keyText = ({ taskId, attempt }: AttemptKey): string => `${taskId}/${attempt}`;

/** How log lines name an attempt. */
export const attemptFields = ({ key, trace }: Pick<Attempt, "key" | "trace">) => ({
  ...key,
  ...(trace && { traceId: trace.traceId }),
});

/** The order in which attempts are listed: by task, then by number. */
export function compareKeys(a: AttemptKey, b: AttemptKey): number {
  if (a.taskId !== b.taskId) return a.taskId < b.taskId ? -1 : 1;
  return a.attempt - b.attempt;
}

/** The state that others see. */
export function stateOf(stage: Stage): TaskState {
  switch (stage.kind) {
    case "pulling":
    case "creating":
    case "held":
    case "starting":
    case "confirming":
      return TaskState.STARTING;
    case "running":
      return TaskState.RUNNING;
    case "searching":
    case "stopping":
      return TaskState.STOPPING;
    case "removing":
      return stage.outcome.state === TaskState.STOPPED ? TaskState.STOPPING : TaskState.STARTING;
    case "ended":
      return stage.outcome.state;
  }
}

export const containerOf = (stage: Stage): Container | undefined =>
  "container" in stage ? stage.container : undefined;
