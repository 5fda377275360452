import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { toTimestamp } from "../../core/time.ts";
import {
  AttemptSchema,
  AttemptStatusSchema,
  DesiredState,
  FailureReason,
  FailureSchema,
  PortProtocol,
  PublishedPortSchema,
  type Task,
  type TaskSpec,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";

/** One change in the life of a fake task. */
export type FakeStep = Readonly<{ task: Task; reason: string }>;

const WORKER = "worker-1";
const SECOND_MS = 1000;

type FakeStatus = Omit<MessageInitShape<typeof AttemptStatusSchema>, "$typeName">;

type Life = Readonly<{ state: TaskState; reason: string; status?: FakeStatus }>;

/** What becomes of a task, by its image. Anything else runs until it is stopped. */
const LIVES: Readonly<Record<string, readonly Life[]>> = {
  huge: [],
  missing: [
    placed(),
    {
      state: TaskState.FAILED,
      reason: "image not found",
      status: failed(FailureReason.IMAGE_NOT_FOUND, "no such image: missing"),
    },
  ],
  crash: [
    placed(),
    running(),
    {
      state: TaskState.FAILED,
      reason: "exit code 3",
      status: {
        exitCode: 3,
        ...failed(FailureReason.EXITED, "the process ended with exit code 3"),
      },
    },
  ],
  job: [
    placed(),
    running(),
    { state: TaskState.COMPLETED, reason: "exit code 0", status: { exitCode: 0 } },
  ],
};

/** The steps that follow the submit of a task, each a second after the one before. */
export function lifeOf(submitted: Task): readonly FakeStep[] {
  const life = LIVES[submitted.spec?.image ?? ""] ?? [placed(), starting(), running()];
  const steps: FakeStep[] = [];
  let task = submitted;
  for (const { state, reason, status } of life) {
    task = step(task, state, status ?? {});
    steps.push({ task, reason });
  }
  return steps;
}

/** The task after one more change of its state. */
function step(task: Task, state: TaskState, status: FakeStatus): Task {
  const timeMs = Number(task.updateTime?.seconds ?? 0n) * SECOND_MS + SECOND_MS;
  const time = toTimestamp(timeMs);
  const placement = {
    ...{ workerId: WORKER, scheduler: "spread", score: 0.75 },
    ...{ placeTime: time, assigned: assignedTo(task.spec) },
  };
  const { $typeName: _, ...before } = task.attempt?.status ?? create(AttemptStatusSchema);
  const observed = {
    ...before,
    ...timesOf(state, timeMs),
    message: "",
    ...status,
    ports: state === TaskState.RUNNING ? publish(task.spec) : [],
    state,
    observeTime: time,
  };
  return {
    ...task,
    state,
    waitingReason: "",
    updateTime: time,
    attempt: create(AttemptSchema, {
      number: 1,
      placement,
      ...(state === TaskState.SCHEDULED ? {} : { status: create(AttemptStatusSchema, observed) }),
    }),
  };
}

/** A worker that names all that it has: `gpu-0`, `gpu-1`. */
const assignedTo = (spec: TaskSpec | undefined) =>
  Object.fromEntries(
    Object.entries(spec?.reservation?.custom ?? {}).map(([name, { count }]) => [
      name,
      { ids: Array.from({ length: Number(count) }, (_, i) => `${name}-${i}`) },
    ]),
  );

function timesOf(state: TaskState, timeMs: number): FakeStatus {
  if (state === TaskState.RUNNING) return { startTime: toTimestamp(timeMs) };
  return state >= TaskState.COMPLETED ? { finishTime: toTimestamp(timeMs) } : {};
}

const publish = (spec: TaskSpec | undefined) =>
  (spec?.ports ?? []).map(({ containerPort, hostPort, protocol }) =>
    create(PublishedPortSchema, {
      containerPort,
      hostPort: hostPort ?? 32_768,
      hostAddress: "127.0.0.1",
      protocol: protocol || PortProtocol.TCP,
    }),
  );

function placed(): Life {
  return { state: TaskState.SCHEDULED, reason: `placed on ${WORKER} by spread` };
}

function starting(): Life {
  return {
    state: TaskState.STARTING,
    reason: "accepted",
    status: { message: "pulling the image" },
  };
}

function running(): Life {
  return { state: TaskState.RUNNING, reason: "started", status: { containerId: "c0ffee" } };
}

function failed(reason: FailureReason, message: string): FakeStatus {
  return { failure: create(FailureSchema, { reason, message }) };
}

/** A task that was stopped on request. */
export const stopped = (task: Task): Task =>
  step({ ...task, desiredState: DesiredState.STOP }, TaskState.STOPPED, { exitCode: 143 });
