import { create } from "@bufbuild/protobuf";
import { isTerminal } from "../../core/task-state.ts";
import { toTimestamp } from "../../core/time.ts";
import type { SubmitTaskRequest } from "../../gen/berth/v1/manager_service_pb.ts";
import { type TaskEvent, TaskEventSchema } from "../../gen/berth/v1/task_event_pb.ts";
import {
  DesiredState,
  NetworkMode,
  type Task,
  TaskSchema,
  type TaskSpec,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { type FieldViolation, invalidFields, notFound } from "../../lib/errors.ts";
import { lifeOf, stopped } from "./fake-tasks.ts";

type FakeChange = Readonly<{ task: Task; removed: boolean; event: TaskEvent }>;

/** What a fake manager remembers: tasks as they are, and every change that made them so. */
export type FakeLedger = ReturnType<typeof createFakeLedger>;

export function createFakeLedger(clock: Clock) {
  const tasks = new Map<string, Task>();
  const changes: FakeChange[] = [];

  function record(task: Task, reason: string, from: TaskState): Task {
    const current = { ...task, revision: BigInt(changes.length + 1) };
    const removed = task.desiredState === DesiredState.REMOVE;
    changes.push({ task: current, removed, event: eventOf(current, reason, from) });
    tasks.set(task.id, current);
    return current;
  }

  function find(taskId: string): Task {
    const task = tasks.get(taskId);
    if (!task) throw notFound("task", taskId);
    return task;
  }

  return {
    tasks,
    changes,
    find,
    submit({ spec, validateOnly }: SubmitTaskRequest, traceparent = ""): Task {
      const violations = violationsOf(spec);
      if (!spec || violations.length > 0) throw invalidFields(violations);
      const pending = pendingTask(`t${tasks.size + 1}`, spec, clock.now());
      const task = { ...pending, traceparent };
      if (validateOnly) return { ...task, id: "" };
      const submitted = record(task, "submitted", TaskState.UNSPECIFIED);
      let from = submitted.state;
      for (const step of lifeOf(submitted)) {
        record(step.task, step.reason, from);
        from = step.task.state;
      }
      return submitted;
    },
    stop(taskId: string): Task {
      const task = find(taskId);
      if (isTerminal(task.state)) return task;
      return record(stopped(task), "stopped on request", task.state);
    },
    remove(task: Task): void {
      record({ ...task, desiredState: DesiredState.REMOVE }, "removed on request", task.state);
      tasks.delete(task.id);
    },
  };
}

function violationsOf(spec: TaskSpec | undefined): readonly FieldViolation[] {
  if (!spec?.image)
    return [{ field: "spec.image", description: "is required: name an image such as nginx:1.27" }];
  const memory = spec.limit?.memoryBytes;
  const description = `is ${memory}: must be at least 6291456 (6 MiB)`;
  return memory !== undefined && memory < 6_291_456n
    ? [{ field: "spec.limit.memory_bytes", description }]
    : [];
}

const pendingTask = (id: string, spec: TaskSpec, nowMs: number): Task =>
  create(TaskSchema, {
    id,
    spec: {
      ...spec,
      name: spec.name || id,
      scheduler: spec.scheduler || "spread",
      networkMode: spec.networkMode || NetworkMode.BRIDGE,
    },
    desiredState: DesiredState.RUN,
    state: TaskState.PENDING,
    attempt: { number: 1 },
    waitingReason: spec.image === "huge" ? "too little memory on 1 worker" : "",
    createTime: toTimestamp(nowMs),
    updateTime: toTimestamp(nowMs),
  });

const eventOf = (task: Task, reason: string, fromState: TaskState): TaskEvent =>
  create(TaskEventSchema, {
    revision: task.revision,
    taskId: task.id,
    attempt: task.attempt?.number ?? 0,
    fromState,
    toState: task.state,
    desiredState: task.desiredState,
    ...(task.updateTime ? { time: task.updateTime } : {}),
    reason,
    workerId: task.attempt?.placement?.workerId ?? "",
  });
