import { create } from "@bufbuild/protobuf";
import { toTimestamp } from "../../core/time.ts";
import { isVitalNews } from "../../core/vitals.ts";
import { type AttemptStatus, FailureSchema, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { AttemptReport } from "../../gen/berth/v1/worker_service_pb.ts";
import { unreachable } from "../../lib/assert.ts";
import { type Attempt, containerOf, type Stage, stateOf } from "./attempt.ts";
import { vitalsOf } from "./prober-vitals.ts";

/** An attempt as the contract tells of it. Written out, as its status: there are several of each. */
export const reportOf = (attempt: Attempt): AttemptReport => ({
  $typeName: "berth.v1.AttemptReport",
  taskId: attempt.key.taskId,
  attempt: attempt.key.attempt,
  name: attempt.name,
  status: statusOf(attempt),
});

/** Whether others have to hear of the move. Steps within a state are the worker's own. */
export const isNews = (before: Attempt, after: Attempt): boolean =>
  stateOf(before.stage) !== stateOf(after.stage) ||
  messageOf(before) !== messageOf(after) ||
  isVitalNews(vitalsOf(before), vitalsOf(after)) ||
  wasRestarted(before.stage, after.stage);

/** Somebody restarted the container behind the worker's back: its ports may have moved. */
const wasRestarted = (before: Stage, after: Stage) =>
  before.kind === "running" &&
  after.kind === "running" &&
  before.container.startTimeMs !== after.container.startTimeMs;

export function statusOf(attempt: Attempt): AttemptStatus {
  const { stage } = attempt;
  return {
    $typeName: "berth.v1.AttemptStatus",
    state: stateOf(stage),
    observeTime: toTimestamp(attempt.observeTimeMs),
    containerId: containerOf(stage)?.id ?? "",
    imageId: containerOf(stage)?.imageId ?? "",
    engine: attempt.engine,
    ports: isServing(stage) ? [...stage.container.ports] : [],
    message: messageOf(attempt),
    ...vitalsOf(attempt),
    ...times(stage),
    ...end(stage),
  };
}

const isServing = (stage: Stage) => stage.kind === "running" || stage.kind === "stopping";

function times(stage: Stage) {
  const exit = stage.kind === "ended" ? stage.outcome.exit : undefined;
  const startTimeMs = exit?.startTimeMs ?? containerOf(stage)?.startTimeMs;
  return {
    ...(startTimeMs !== undefined && { startTime: toTimestamp(startTimeMs) }),
    ...(exit?.finishTimeMs !== undefined && { finishTime: toTimestamp(exit.finishTimeMs) }),
  };
}

function end(stage: Stage) {
  if (stage.kind !== "ended") return {};
  const { exit, failure } = stage.outcome;
  return {
    ...(exit && { exitCode: exit.exitCode }),
    ...(failure && { failure: create(FailureSchema, failure) }),
  };
}

function messageOf({ stage, spec, wish, trouble }: Attempt): string {
  if (trouble && stage.kind !== "ended") return `trying again: ${trouble.words}`;
  switch (stage.kind) {
    case "pulling":
      return `pulling ${spec?.image}`;
    case "creating":
    case "starting":
    case "confirming":
      return "starting the container";
    case "held":
      return "waiting for the manager to ask again: the worker restarted before the start";
    case "running":
      return "running";
    case "searching":
    case "stopping":
      return wish.kind === "stop" && wish.failure
        ? `stopping the container: ${wish.failure.message}`
        : "stopping the container";
    case "removing":
      return stage.outcome.state === TaskState.STOPPED
        ? "stopping the container"
        : `removing the container: ${stage.outcome.message}`;
    case "ended":
      return stage.outcome.message;
    default:
      return unreachable(stage);
  }
}
