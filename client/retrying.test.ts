import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "@jest/globals";
import {
  ManagerService,
  type SubmitTaskRequest,
  type SubmitTasksRequest,
} from "../gen/berth/v1/manager_service_pb.ts";
import { exhausted, invalidFields, unavailable } from "../lib/errors.ts";
import { createManualClock } from "../lib/manual-clock.ts";
import { createClient } from "../lib/rpc/client.ts";
import { createRetrying } from "./retrying.ts";
import { depsOf, openServers, type Script } from "./testing.ts";

type Failure = () => Error;

const dropped: Failure = () => unavailable("CUT_OFF", "the connection broke");
const follower: Failure = () => unavailable("NOT_LEADER", "m2 leads");
const unanswered: Failure = () => new ConnectError("timed out", Code.DeadlineExceeded);

/** Managers, each of which fails so often as said, then answers. */
function open(plan: Readonly<Record<string, readonly Failure[]>>) {
  const calls: string[] = [];
  const requestIds: string[] = [];
  const failures = new Map(Object.entries(plan).map(([name, all]) => [name, [...all]]));
  const turn = (name: string) => {
    calls.push(name);
    const failure = failures.get(name)?.shift();
    if (failure) throw failure();
    return {};
  };
  const scriptOf = (name: string): Script => ({
    getTask: () => turn(name),
    planTasks: () => turn(name),
    submitTask(request: SubmitTaskRequest) {
      requestIds.push(request.requestId);
      return turn(name);
    },
    submitTasks({ requests }: SubmitTasksRequest) {
      requestIds.push(requests.map(({ requestId }) => requestId).join("+"));
      return turn(name);
    },
    async *streamTaskLogs() {
      turn(name);
      yield { taskId: "t1" };
      throw dropped();
    },
  });
  const clock = createManualClock();
  const servers = openServers(
    Object.fromEntries(Object.keys(plan).map((name) => [name, scriptOf(name)])),
  );
  const client = createClient(ManagerService, createRetrying({ ...depsOf(clock), servers }));
  /** What became of a call, over a minute. */
  async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
    const outcome = call.then(
      () => "answered",
      (error: unknown) => error,
    );
    await clock.advance(60_000);
    return outcome;
  }
  return { client, calls, requestIds, outcomeOf, clock };
}

const times = (count: number, failure: Failure) => Array.from({ length: count }, () => failure);

describe("a call", () => {
  test.each([
    ["whose connection broke", dropped],
    ["that another leads", follower],
    ["that nobody answered in time", unanswered],
  ])("%s goes to the next manager, and later calls stay there", async (_, failure) => {
    const { client, calls, outcomeOf } = open({ m1: [failure], m2: [] });
    expect(await outcomeOf(client.getTask({ taskId: "t1" }))).toBe("answered");
    await client.getTask({ taskId: "t1" });
    expect(calls).toEqual(["m1", "m2", "m2"]);
  });

  test("is repeated while a manager restarts, with pauses", async () => {
    const { client, calls, outcomeOf } = open({ m1: times(4, dropped) });
    expect(await outcomeOf(client.getTask({ taskId: "t1" }))).toBe("answered");
    expect(calls.length).toBe(5);
  });

  test("is given up in time, with the last reason", async () => {
    const { client, calls, outcomeOf } = open({ m1: times(999, dropped) });
    const outcome = await outcomeOf(client.getTask({ taskId: "t1" }));
    expect(outcome).toMatchObject({ name: "BerthError", code: "unavailable", reason: "CUT_OFF" });
    expect(calls.length).toBeGreaterThan(5);
    expect(calls.length).toBeLessThan(40);
  });

  test("is repeated no longer than its own timeout", async () => {
    const { client, calls, outcomeOf } = open({ m1: times(999, dropped) });
    const outcome = await outcomeOf(client.getTask({ taskId: "t1" }, { timeoutMs: 1_000 }));
    expect(outcome).toMatchObject({ reason: "CUT_OFF" });
    expect(calls.length).toBeLessThan(8);
  });

  test("waits as long as the manager asks for, and not at all if that is too long", async () => {
    const full = (retryMs: number) => () => exhausted("QUEUE_FULL", "too much", { retryMs });
    const soon = open({ m1: [full(10_000)] });
    expect(await soon.outcomeOf(soon.client.getTask({ taskId: "t1" }))).toBe("answered");
    const late = open({ m1: [full(40_000)] });
    expect(await late.outcomeOf(late.client.getTask({ taskId: "t1" }))).toMatchObject({
      reason: "QUEUE_FULL",
      retryAfterMs: 40_000,
    });
  });

  test("that was refused is not repeated, and says which fields are at fault", async () => {
    const violation = { field: "spec.image", description: "must not be empty" };
    const { client, calls, outcomeOf } = open({ m1: [() => invalidFields([violation])], m2: [] });
    expect(await outcomeOf(client.submitTask({}))).toMatchObject({
      name: "BerthError",
      code: "invalid_argument",
      reason: "BAD_FIELDS",
      violations: [violation],
    });
    expect(calls).toEqual(["m1"]);
  });

  test("ends with its signal while it waits", async () => {
    const leave = new AbortController();
    const { client, clock, calls } = open({ m1: times(999, dropped) });
    const outcome = client
      .getTask({ taskId: "t1" }, { signal: leave.signal })
      .catch((error: unknown) => error);
    await clock.advance(300);
    leave.abort();
    const before = calls.length;
    expect(await outcome).toMatchObject({ code: "canceled" });
    await clock.advance(60_000);
    expect(calls.length).toBe(before);
  });
});

describe("a submit", () => {
  test("carries a request ID, the same each time and another for each submit", async () => {
    const { client, requestIds, outcomeOf } = open({ m1: times(2, dropped) });
    await outcomeOf(client.submitTask({ spec: { image: "a" } }));
    await client.submitTask({ spec: { image: "a" } });
    const [first = "", ...rest] = requestIds;
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(rest.slice(0, 2)).toEqual([first, first]);
    expect(rest[2]).not.toBe(first);
  });

  test("keeps the caller's own", async () => {
    const { client, requestIds } = open({ m1: [] });
    await client.submitTask({ requestId: "mine" });
    expect(requestIds).toEqual(["mine"]);
  });

  test("of many carries one for each", async () => {
    const { client, requestIds, outcomeOf } = open({ m1: [dropped] });
    await outcomeOf(client.submitTasks({ requests: [{ requestId: "mine" }, {}] }));
    expect(requestIds[0]).toMatch(/^mine\+[0-9a-f]{32}$/);
    expect(requestIds[1]).toBe(requestIds[0]);
  });
});

describe("a stream", () => {
  test("begins at a manager that serves", async () => {
    const { client, calls } = open({ m1: [follower], m2: [] });
    for await (const { taskId } of client.streamTaskLogs({ taskId: "t1" })) {
      expect(taskId).toBe("t1");
      break;
    }
    expect(calls).toEqual(["m1", "m2"]);
  });

  test("that broke off is not begun anew: what was heard would be heard again", async () => {
    const { client, calls } = open({ m1: [] });
    const heard: string[] = [];
    const reading = (async () => {
      for await (const { taskId } of client.streamTaskLogs({ taskId: "t1" })) heard.push(taskId);
    })();
    await expect(reading).rejects.toMatchObject({ name: "BerthError", reason: "CUT_OFF" });
    expect([heard, calls]).toEqual([["t1"], ["m1"]]);
  });
});
