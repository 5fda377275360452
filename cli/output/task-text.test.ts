import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { toTimestamp } from "../../core/time.ts";
import {
  DesiredState,
  FailureReason,
  Health,
  PortProtocol,
  TaskSchema,
  TaskState,
} from "../../gen/berth/v1/task_pb.ts";
import { detailText, portsText, progressText, stateText } from "./task-text.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const ago = (ms: number) => toTimestamp(NOW - ms);
const task = (init: MessageInitShape<typeof TaskSchema>) =>
  create(TaskSchema, { id: "t1", createTime: ago(3_600_000), ...init });

test("a running task tells how long its container has run", () => {
  const status = { state: TaskState.RUNNING, startTime: ago(180_000), observeTime: ago(1000) };
  const running = task({ state: TaskState.RUNNING, attempt: { number: 1, status } });
  expect(stateText(running, NOW)).toBe("running 3m");
});

test.each([
  [{ health: Health.STARTING }, "running (starting) 3m"],
  [{ health: Health.HEALTHY, ready: true }, "running (healthy) 3m"],
  [{ health: Health.HEALTHY, ready: false }, "running (not ready) 3m"],
  [{ health: Health.UNHEALTHY, ready: false }, "running (unhealthy) 3m"],
  [{ ready: true }, "running 3m"],
])("a running task tells what its probes say: %j", (vitals, text) => {
  const status = { state: TaskState.RUNNING, startTime: ago(180_000), ...vitals };
  const spec = { readinessProbe: {} };
  expect(stateText(task({ state: TaskState.RUNNING, spec, attempt: { status } }), NOW)).toBe(text);
});

test("a running task tells what its latest failing probe said", () => {
  const status = { state: TaskState.RUNNING, probeMessage: "liveness probe: HTTP status 500" };
  const failing = task({ state: TaskState.RUNNING, attempt: { number: 1, status } });
  expect(detailText(failing, NOW)).toBe("liveness probe: HTTP status 500");
});

test("a failed task tells its exit code and how long ago it was", () => {
  const status = { state: TaskState.FAILED, exitCode: 137, finishTime: ago(7_200_000) };
  const failed = task({ state: TaskState.FAILED, attempt: { number: 1, status } });
  expect(stateText(failed, NOW)).toBe("failed (137) 2h ago");
});

test("a task that backs off tells when it is tried again, and why it waits", () => {
  const waiting = task({
    state: TaskState.PENDING,
    retryTime: toTimestamp(NOW + 3500),
    waitingReason: "exit code 1",
  });
  expect(detailText(waiting, NOW)).toBe("retries in 4s: exit code 1");
  expect(detailText(waiting, NOW + 10_000)).toBe("exit code 1");
});

test("a failure without words is told by its reason", () => {
  const failure = { reason: FailureReason.OOM_KILLED, message: "" };
  const failed = task({ state: TaskState.FAILED, attempt: { number: 1, status: { failure } } });
  expect(detailText(failed, NOW)).toBe("oom killed");
});

test("a wish that is not yet seen is told", () => {
  const wished = (desiredState: DesiredState, state: TaskState) =>
    detailText(task({ desiredState, state }), NOW);
  expect(wished(DesiredState.STOP, TaskState.RUNNING)).toBe("stop requested");
  expect(wished(DesiredState.STOP, TaskState.STOPPING)).toBe("");
  expect(wished(DesiredState.REMOVE, TaskState.STOPPING)).toBe("being removed");
});

test("ports are told as Docker tells them, IPv6 hosts in brackets", () => {
  const port = { containerPort: 53, hostPort: 5353, protocol: PortProtocol.UDP };
  const ports = [
    { ...port, hostAddress: "10.0.0.5" },
    { ...port, hostAddress: "::1" },
  ];
  const published = task({ attempt: { number: 1, status: { ports } } });
  expect(portsText(published)).toBe("10.0.0.5:5353->53/udp, [::1]:5353->53/udp");
});

test("progress names the worker, and the attempt from the second on", () => {
  const attempt = { number: 2, placement: { workerId: "w1" } };
  const status = { message: "pulling nginx" };
  const starting = task({ state: TaskState.STARTING, attempt: { ...attempt, status } });
  expect(progressText(starting, NOW)).toBe("starting on w1 (attempt 2): pulling nginx");
});
