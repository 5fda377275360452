import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { PortProtocol, PublishedPortSchema } from "../../gen/berth/v1/task_pb.ts";
import type { Stage } from "./attempt.ts";
import { endpointsOf, touchesEndpoints } from "./endpoints.ts";
import { attemptAt as anAttemptAt } from "./test-attempt.ts";

const port = create(PublishedPortSchema, {
  containerPort: 80,
  hostPort: 32_768,
  hostAddress: "127.0.0.1",
  protocol: PortProtocol.TCP,
  name: "http",
});
const container = { id: "x", startTimeMs: 1, ports: [port] };

const attemptAt = (stage: Stage, taskId = "t1") =>
  anAttemptAt(stage, { key: { taskId, attempt: 2 } });

test("a running attempt is reached at the worker's address", () => {
  const [endpoint] = endpointsOf([attemptAt({ kind: "running", container })], "10.0.0.7");
  expect(endpoint).toMatchObject({
    name: "web",
    taskId: "t1",
    attempt: 2,
    host: "10.0.0.7",
    port: 32_768,
    protocol: PortProtocol.TCP,
    portName: "http",
    containerPort: 80,
  });
});

test("a name that a label gave stands beside the task's own, and is not told twice", () => {
  const namesWith = (alias: string) => {
    const orders = { onDisconnect: { kind: "keep-running" }, alias } as const;
    const running = anAttemptAt({ kind: "running", container }, { orders });
    return endpointsOf([running], "h").map(({ name }) => name);
  };
  expect(namesWith("shop")).toEqual(["web", "shop"]);
  expect(namesWith("web")).toEqual(["web"]);
});

test("an attempt that is stopping takes no more calls, and its leaving is news", () => {
  const stopping = attemptAt({ kind: "stopping", container });
  expect(endpointsOf([stopping], "h")).toEqual([]);
  expect(touchesEndpoints(stopping)).toBe(true);
});

test("endpoints are ordered by attempt", () => {
  const running: Stage = { kind: "running", container };
  const all = endpointsOf([attemptAt(running, "b"), attemptAt(running, "a")], "h");
  expect(all.map(({ taskId }) => taskId)).toEqual(["a", "b"]);
});

test("an attempt without ports is no news", () => {
  expect(touchesEndpoints(attemptAt({ kind: "pulling" }))).toBe(false);
  const bare = { ...container, ports: [] };
  expect(touchesEndpoints(attemptAt({ kind: "running", container: bare }))).toBe(false);
});
