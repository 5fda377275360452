import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { WatchTasksResponse } from "../../gen/berth/v1/manager_service_pb.ts";
import { DesiredState, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { aPresence, aReport } from "../../test/builders.ts";
import { createManagerRig, type WireName } from "./testing/manager-rig.ts";

const spec = { image: "busybox:1", name: "web" };
const failureOf = async (call: Promise<unknown>) =>
  ConnectError.from(
    await call.then(
      () => new Error("the call succeeded"),
      (error: unknown) => error,
    ),
  );
const fieldsOf = (error: ConnectError) =>
  error
    .findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field));

describe.each<WireName>(["memory", "grpc"])("ManagerService over %s", (wire) => {
  const closings: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closings.splice(0)) await close();
  });

  async function openRig(options: Parameters<typeof createManagerRig>[0] = {}) {
    const rig = await createManagerRig({ ...options, wire });
    closings.push(rig.close);
    return rig;
  }

  describe("SubmitTask", () => {
    test("answers with the task, complete with defaults", async () => {
      const { client, ledger } = await openRig();
      const { task } = await client.submitTask({ spec });
      expect(task?.state).toBe(TaskState.PENDING);
      expect(task?.spec?.scheduler).toBe("spread");
      expect(task?.id).toMatch(/^[a-z0-9-]{1,64}$/);
      expect(ledger.tasks.get(task?.id ?? "")).toBeDefined();
    });

    test("names every bad field and stores nothing", async () => {
      const { client, ledger } = await openRig();
      const bad = {
        image: "UPPER CASE",
        ports: [{ containerPort: 70_000 }],
        limit: { memoryBytes: 0n },
      };
      const error = await failureOf(client.submitTask({ spec: bad, requestId: "\n" }));
      expect(error.code).toBe(Code.InvalidArgument);
      expect(fieldsOf(error).sort()).toEqual([
        "request_id",
        "spec.image",
        "spec.limit.memory_bytes",
        "spec.ports[0].container_port",
      ]);
      expect(ledger.tasks.size).toBe(0);
    });

    test("makes one task of two calls with one request ID", async () => {
      const { client, ledger } = await openRig();
      const request = { spec, requestId: "r1" };
      const answers = await Promise.all([client.submitTask(request), client.submitTask(request)]);
      expect(new Set(answers.map(({ task }) => task?.id)).size).toBe(1);
      expect(ledger.tasks.size).toBe(1);
    });

    test("makes one task of two calls with one request ID over a restart", async () => {
      const first = await openRig();
      const { task } = await first.client.submitTask({ spec, requestId: "r1" });
      const second = await openRig({ store: first.store });
      expect((await second.client.submitTask({ spec, requestId: "r1" })).task?.id).toBe(task?.id);
      expect(second.ledger.tasks.size).toBe(1);
    });

    test("takes specs that differ only in the order of their maps for one request", async () => {
      const { client } = await openRig();
      const one = { ...spec, env: { A: "1", B: "2" } };
      const other = { ...spec, env: { B: "2", A: "1" } };
      const { task } = await client.submitTask({ spec: one, requestId: "r1" });
      expect((await client.submitTask({ spec: other, requestId: "r1" })).task?.id).toBe(task?.id);
    });

    test("refuses a request ID that another request used", async () => {
      const { client } = await openRig();
      await client.submitTask({ spec, requestId: "r1" });
      const error = await failureOf(
        client.submitTask({ spec: { image: "other" }, requestId: "r1" }),
      );
      expect(fieldsOf(error)).toEqual(["request_id"]);
    });

    test("with validate_only checks all and changes nothing", async () => {
      const { client, ledger } = await openRig();
      const { task } = await client.submitTask({ spec, validateOnly: true });
      expect(task?.id).toBe("");
      expect(task?.spec?.stopGrace?.seconds).toBe(10n);
      expect(ledger.tasks.size).toBe(0);
    });

    test("in a batch, a bad entry does not hold up the others", async () => {
      const { client, ledger } = await openRig();
      const requests = [{ spec }, { spec: { image: "" } }, { spec }];
      const { results } = await client.submitTasks({ requests });
      expect(results.map(({ outcome }) => outcome.case)).toEqual(["task", "error", "task"]);
      expect(ledger.tasks.size).toBe(2);
    });
  });

  describe("StopTask", () => {
    test("stops a pending task, and changes nothing the second time", async () => {
      const { client, ledger } = await openRig();
      const { task } = await client.submitTask({ spec });
      const taskId = task?.id ?? "";
      expect((await client.stopTask({ taskId })).task?.state).toBe(TaskState.STOPPED);
      const revision = ledger.revision();
      expect((await client.stopTask({ taskId })).task?.desiredState).toBe(DesiredState.STOP);
      expect(ledger.revision()).toBe(revision);
    });

    test("of an unknown task is NOT_FOUND, of no task INVALID_ARGUMENT", async () => {
      const { client } = await openRig();
      const unknown = await failureOf(client.stopTask({ taskId: "nope" }));
      expect([unknown.code, reasonOf(unknown)]).toEqual([Code.NotFound, "TASK_NOT_FOUND"]);
      expect(fieldsOf(await failureOf(client.stopTask({})))).toEqual(["task_id"]);
    });
  });

  describe("RemoveTask", () => {
    test("refuses a task that has not ended, unless forced", async () => {
      const { client, ledger } = await openRig();
      const { task } = await client.submitTask({ spec });
      const taskId = task?.id ?? "";
      const error = await failureOf(client.removeTask({ taskId }));
      expect([error.code, reasonOf(error)]).toEqual([Code.FailedPrecondition, "TASK_NOT_ENDED"]);
      await client.removeTask({ taskId, force: true });
      expect(ledger.tasks.size).toBe(0);
    });

    test("succeeds twice with one request ID, once without", async () => {
      const { client } = await openRig();
      const { task } = await client.submitTask({ spec });
      const request = { taskId: task?.id ?? "", force: true, requestId: "r1" };
      await client.removeTask(request);
      await client.removeTask(request);
      expect((await failureOf(client.removeTask({ taskId: request.taskId }))).code).toBe(
        Code.NotFound,
      );
    });
  });

  describe("ListTasks", () => {
    test("gives every task once, in order, whatever the page size", async () => {
      const { client } = await openRig();
      for (let i = 0; i < 5; i++) await client.submitTask({ spec: { ...spec, name: `web-${i}` } });
      const names: string[] = [];
      let pageToken = "";
      do {
        const page = await client.listTasks({ pageSize: 2, pageToken });
        names.push(...page.tasks.map((task) => task.spec?.name ?? ""));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(names).toEqual(["web-0", "web-1", "web-2", "web-3", "web-4"]);
    });

    test("filters by state, label and name", async () => {
      const { client } = await openRig();
      await client.submitTask({ spec: { ...spec, labels: { app: "a" } } });
      await client.submitTask({ spec: { ...spec, name: "db" } });
      const count = async (filter: object) => (await client.listTasks({ filter })).tasks.length;
      expect(await count({ labels: { app: "a" } })).toBe(1);
      expect(await count({ name: "db" })).toBe(1);
      expect(await count({ states: [TaskState.RUNNING] })).toBe(0);
      expect(await count({ states: [TaskState.PENDING, TaskState.RUNNING] })).toBe(2);
    });

    test("refuses a negative size and a token of its own making", async () => {
      const { client } = await openRig();
      const error = await failureOf(client.listTasks({ pageSize: -1, pageToken: "mine" }));
      expect(fieldsOf(error).sort()).toEqual(["page_size", "page_token"]);
    });
  });

  describe("WatchTasks", () => {
    type Watch = (options: { signal: AbortSignal }) => AsyncIterable<WatchTasksResponse>;
    const collect = async (watch: Watch, count: number) => {
      const control = new AbortController();
      const states: string[] = [];
      for await (const { changes } of watch({ signal: control.signal })) {
        for (const { task, removed } of changes)
          states.push(removed ? "removed" : (TaskState[task?.state ?? 0] ?? ""));
        if (states.length >= count) break;
      }
      control.abort();
      return states;
    };

    test("begins with all tasks, then sends every change in order", async () => {
      const { client } = await openRig();
      const { task } = await client.submitTask({ spec });
      const seen = collect((options) => client.watchTasks({}, options), 3);
      await client.getCluster({});
      await client.stopTask({ taskId: task?.id ?? "" });
      await client.removeTask({ taskId: task?.id ?? "" });
      expect(await seen).toEqual(["PENDING", "STOPPED", "removed"]);
    });

    test("resumes after a revision without a gap", async () => {
      const { client } = await openRig();
      const { task } = await client.submitTask({ spec });
      await client.stopTask({ taskId: task?.id ?? "" });
      const afterRevision = task?.revision ?? 0n;
      expect(await collect((options) => client.watchTasks({ afterRevision }, options), 1)).toEqual([
        "STOPPED",
      ]);
    });

    test("says that a revision from before the start is compacted", async () => {
      const first = await openRig();
      await first.client.submitTask({ spec });
      const { client } = await openRig({ store: first.store });
      const error = await failureOf(
        collect((options) => client.watchTasks({ afterRevision: 0n }, options), 1),
      );
      expect([error.code, reasonOf(error)]).toEqual([Code.OutOfRange, "COMPACTED"]);
    });

    test("says the same of a revision that it has not come to", async () => {
      const { client } = await openRig();
      const error = await failureOf(
        collect((options) => client.watchTasks({ afterRevision: 7n }, options), 1),
      );
      expect([error.code, reasonOf(error)]).toEqual([Code.OutOfRange, "COMPACTED"]);
    });

    test("leaves out what the filter does not mean", async () => {
      const { client } = await openRig();
      const seen = collect((options) => client.watchTasks({ filter: { name: "db" } }, options), 1);
      await client.submitTask({ spec });
      await client.submitTask({ spec: { ...spec, name: "db" } });
      expect(await seen).toEqual(["PENDING"]);
    });
  });

  test("ListTaskEvents tells what happened to a task, a page at a time", async () => {
    const { client } = await openRig();
    const { task } = await client.submitTask({ spec });
    const taskId = task?.id ?? "";
    await client.stopTask({ taskId });
    const first = await client.listTaskEvents({ taskId, pageSize: 1 });
    expect(first.events.map(({ reason }) => reason)).toEqual(["submitted"]);
    const second = await client.listTaskEvents({ taskId, pageToken: first.nextPageToken });
    expect(second.events.map(({ toState }) => toState)).toEqual([TaskState.STOPPED]);
    expect((await failureOf(client.listTaskEvents({ taskId: "nope" }))).code).toBe(Code.NotFound);
  });

  test("ListTaskEvents refuses the token of another listing", async () => {
    const { client } = await openRig();
    for (const name of ["a", "b"]) await client.submitTask({ spec: { ...spec, name } });
    const { nextPageToken: pageToken } = await client.listTasks({ pageSize: 1 });
    const error = await failureOf(client.listTaskEvents({ pageToken }));
    expect(fieldsOf(error)).toEqual(["page_token"]);
  });

  describe("workers and the cluster", () => {
    test("are listed with what is placed on them", async () => {
      const { client, workers, ledger, observer } = await openRig();
      workers.setPresence(aPresence("w2"));
      workers.setPresence(aPresence("w1"));
      workers.setLinked("w1", true);
      const { workers: listed } = await client.listWorkers({});
      expect(listed.map(({ id, linked }) => [id, linked])).toEqual([
        ["w1", true],
        ["w2", false],
      ]);
      expect((await client.getWorker({ workerId: "w1" })).worker?.allocation?.taskCount).toBe(0);
      expect((await failureOf(client.getWorker({ workerId: "w9" }))).code).toBe(Code.NotFound);
      const { cluster } = await client.getCluster({});
      expect(cluster).toMatchObject({ id: ledger.clusterId, workerCount: 2, readyWorkerCount: 1 });
      observer.report(aReport("unknown", TaskState.RUNNING));
      expect(ledger.revision()).toBe(0n);
    });
  });

  test("logs of a task without a container say what it waits for", async () => {
    const { client } = await openRig();
    const { task } = await client.submitTask({ spec });
    const read = async () => {
      for await (const _ of client.streamTaskLogs({ taskId: task?.id ?? "" })) return;
    };
    const error = await failureOf(read());
    expect([error.code, reasonOf(error)]).toEqual([Code.FailedPrecondition, "NO_CONTAINER"]);
  });
});
