import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { FailureReason, NetworkMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { PushTasksRequestSchema } from "../../gen/berth/v1/worker_service_pb.ts";
import { BadRequestSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { reasonOf } from "../../lib/errors.ts";
import { createMailbox } from "../../lib/mailbox.ts";
import { containerFor } from "./fake-runtime-faults.ts";
import { describeWorker, errorOf, fence, start, waitFor } from "./test-worker.ts";

const fieldsOf = (error: ConnectError | undefined) =>
  error
    ?.findDetails(BadRequestSchema)
    .flatMap(({ fieldViolations }) => fieldViolations.map(({ field }) => field));

describeWorker("WorkerService", (worker) => {
  test("a start is accepted, then the container runs", async () => {
    await worker().client.startTask(start());
    const report = await waitFor(worker(), "t1", TaskState.RUNNING);
    expect(report).toMatchObject({ attempt: 1, name: "web" });
    expect(report.status?.containerId).toBe(
      containerFor(worker().engine, { taskId: "t1", attempt: 1 })?.id,
    );
  });

  test("a start repeated, also after the end, changes nothing", async () => {
    await worker().client.startTask(start("t1", { spec: { image: "web:after-1" } }));
    await waitFor(worker(), "t1", TaskState.COMPLETED);
    await worker().client.startTask(start("t1"));
    const { reports } = await worker().client.listTasks({});
    expect(reports.map(({ status }) => status?.state)).toEqual([TaskState.COMPLETED]);
  });

  test("a stop of an unknown attempt succeeds, as does forgetting it", async () => {
    await worker().client.stopTask({ taskId: "nobody", attempt: 1, ...fence });
    await worker().client.forgetTask({ taskId: "nobody", attempt: 1, ...fence });
  });

  test("an attempt is started, stopped and forgotten", async () => {
    await worker().client.startTask(start());
    await waitFor(worker(), "t1", TaskState.RUNNING);
    const name = { taskId: "t1", attempt: 1, ...fence };
    const early = await errorOf(worker().client.forgetTask(name));
    expect([early?.code, reasonOf(early)]).toEqual([Code.FailedPrecondition, "ATTEMPT_NOT_ENDED"]);
    await worker().client.stopTask(name);
    await waitFor(worker(), "t1", TaskState.STOPPED);
    await worker().client.forgetTask(name);
    expect((await worker().client.listTasks({})).reports).toEqual([]);
  });

  test("what is stopped because it has failed ends so, and keeps its container", async () => {
    await worker().client.startTask(start());
    await waitFor(worker(), "t1", TaskState.RUNNING);
    const failure = { reason: FailureReason.UNHEALTHY, message: "it answers 500" };
    await worker().client.stopTask({ taskId: "t1", attempt: 1, ...fence, failure });
    const report = await waitFor(worker(), "t1", TaskState.FAILED);
    expect(report.status?.failure).toMatchObject(failure);
    expect(containerFor(worker().engine, { taskId: "t1", attempt: 1 })?.state.kind).toBe("exited");
  });

  test("a stop for a failure of no kind is refused", async () => {
    const failure = { message: "no reason" };
    const call = worker().client.stopTask({ taskId: "t1", attempt: 1, ...fence, failure });
    expect(fieldsOf(await errorOf(call))).toEqual(["failure.reason"]);
  });

  test("a batch tells each entry's fate", async () => {
    const { results } = await worker().client.startTasks({
      requests: [
        start("a"),
        start("B!"),
        start("c", { epoch: 0n }),
        start("d", { clusterId: "c2" }),
        start("e", { spec: { image: "web:1", networkMode: NetworkMode.HOST } }),
      ],
    });
    expect(results.map(({ taskId, error }) => [taskId, error?.code])).toEqual([
      ["a", undefined],
      ["B!", Code.InvalidArgument],
      ["c", Code.InvalidArgument],
      ["d", Code.FailedPrecondition],
      ["e", Code.PermissionDenied],
    ]);
    expect(results.at(-1)?.error?.details.length).toBeGreaterThan(0);
  });

  test("a batch that is too long is refused as a whole", async () => {
    const requests = Array.from({ length: 1_001 }, (_, i) => ({
      taskId: `t${i}`,
      attempt: 1,
      ...fence,
    }));
    expect(fieldsOf(await errorOf(worker().client.forgetTasks({ requests })))).toEqual([
      "requests",
    ]);
  });

  test("a stream of pushes is answered message by message with what is refused", async () => {
    const messages = createMailbox<MessageInitShape<typeof PushTasksRequestSchema>>({
      clock: systemClock,
      limit: 10,
    });
    const { signal } = new AbortController();
    const input = async function* () {
      for await (const batch of messages.read(signal)) yield* batch;
    };
    const answers = worker().client.pushTasks(input())[Symbol.asyncIterator]();
    messages.post({ starts: [start("a"), start("b", { epoch: 0n })] });
    const first = await answers.next();
    expect(first.value).toMatchObject({
      starts: [{ taskId: "b", error: { code: Code.InvalidArgument } }],
    });
    await waitFor(worker(), "a", TaskState.RUNNING);
    const name = { taskId: "a", attempt: 1, ...fence };
    messages.post({ stops: [name], forgets: [name] });
    const second = await answers.next();
    expect(second.value).toMatchObject({
      stops: [],
      forgets: [{ taskId: "a", error: { code: Code.FailedPrecondition } }],
    });
    await waitFor(worker(), "a", TaskState.STOPPED);
    messages.post({ stops: Array.from({ length: 1_001 }, () => name) });
    expect(fieldsOf(await errorOf(answers.next()))).toEqual(["stops"]);
  });

  test("every bad field is named", async () => {
    const error = await errorOf(worker().client.startTask({ taskId: "", attempt: 0, epoch: -1n }));
    expect(error?.code).toBe(Code.InvalidArgument);
    expect(fieldsOf(error)).toEqual(["task_id", "attempt", "cluster_id", "epoch", "spec"]);
  });

  test("a stop with an absurd grace is refused", async () => {
    const grace = { seconds: -1n, nanos: 0 };
    const call = worker().client.stopTask({ taskId: "t1", attempt: 1, ...fence, grace });
    expect(fieldsOf(await errorOf(call))).toEqual(["grace"]);
  });

  test("an older epoch is refused once a newer one has spoken", async () => {
    await worker().client.stopTask({ taskId: "t1", attempt: 1, ...fence, epoch: 7n });
    const error = await errorOf(worker().client.startTask(start("t1", { epoch: 6n })));
    expect([error?.code, reasonOf(error)]).toEqual([Code.FailedPrecondition, "STALE_EPOCH"]);
    expect((await worker().client.listTasks({})).reports).toEqual([]);
  });

  test("another cluster is refused on every way in", async () => {
    await worker().client.startTask(start());
    const foreign = { ...fence, clusterId: "c2" };
    const watch = async () => {
      for await (const _ of worker().client.watchTasks(foreign)) break;
    };
    for (const call of [
      worker().client.startTask(start("t2", foreign)),
      worker().client.stopTask({ taskId: "t1", attempt: 1, ...foreign }),
      worker().client.forgetTask({ taskId: "t1", attempt: 1, ...foreign }),
      watch(),
    ])
      expect(reasonOf(await errorOf(call))).toBe("FOREIGN_CLUSTER");
  });

  test("a newer epoch ends the watch of an older one", async () => {
    const watch = worker().client.watchTasks(fence)[Symbol.asyncIterator]();
    await watch.next();
    await worker().client.stopTask({ taskId: "t1", attempt: 1, ...fence, epoch: 2n });
    expect(reasonOf(await errorOf(watch.next()))).toBe("STALE_EPOCH");
  });

  test("a host network is refused unless the worker allows it", async () => {
    const spec = { image: "web:1", networkMode: NetworkMode.HOST };
    const error = await errorOf(worker().client.startTask(start("t1", { spec })));
    expect([error?.code, reasonOf(error)]).toEqual([Code.PermissionDenied, "HOST_NETWORK_DENIED"]);
  });

  test("a list is paged in the order of tasks", async () => {
    await worker().client.startTasks({ requests: ["c", "a", "b"].map((id) => start(id)) });
    const first = await worker().client.listTasks({ pageSize: 2 });
    const second = await worker().client.listTasks({ pageSize: 2, pageToken: first.nextPageToken });
    const idsOf = ({ reports }: typeof first) => reports.map(({ taskId }) => taskId);
    expect([idsOf(first), idsOf(second)]).toEqual([["a", "b"], ["c"]]);
    expect(second.nextPageToken).toBe("");
  });

  test("a page that cannot be is refused", async () => {
    const error = await errorOf(worker().client.listTasks({ pageSize: -1, pageToken: "?" }));
    expect(fieldsOf(error)).toEqual(["page_size", "page_token"]);
  });

  test("the machine is measured on request", async () => {
    await worker().client.startTask(start());
    expect((await worker().client.getStats({})).metrics?.taskCount).toBe(1);
  });
});
