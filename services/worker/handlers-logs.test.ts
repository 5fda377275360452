import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import type { WorkerServiceStreamTaskLogsRequestSchema } from "../../gen/berth/v1/worker_service_pb.ts";
import { reasonOf } from "../../lib/errors.ts";
import { exitProcess, writeOutput } from "./fake-runtime-faults.ts";
import { LOG_STREAMS_MAX } from "./handlers-logs.ts";
import { describeWorker, errorOf, start, waitFor } from "./test-worker.ts";

describeWorker("logs", (worker) => {
  const key = { taskId: "t1", attempt: 1 };
  const textOf = async (
    request: MessageInitShape<typeof WorkerServiceStreamTaskLogsRequestSchema>,
  ) => {
    let text = "";
    for await (const { entries } of worker().client.streamTaskLogs(request))
      for (const { data } of entries) text += new TextDecoder().decode(data);
    return text;
  };

  test("are what the container wrote", async () => {
    await worker().client.startTask(start());
    await waitFor(worker(), "t1", TaskState.RUNNING);
    writeOutput(worker().engine, key, "two\n");
    expect(await textOf(key)).toBe("started\ntwo\n");
    expect(await textOf({ ...key, tail: 1 })).toBe("two\n");
    expect(await textOf({ ...key, streams: [LogStream.STDERR] })).toBe("");
  });

  test("are followed from before the start to the end", async () => {
    await worker().client.startTask(start("t1", { spec: { image: "web:pull-50" } }));
    const text = textOf({ ...key, follow: true });
    await waitFor(worker(), "t1", TaskState.RUNNING);
    writeOutput(worker().engine, key, "more\n");
    exitProcess(worker().engine, key, 0);
    expect(await text).toBe("started\nmore\n");
  });

  test("of an unknown attempt are not found", async () => {
    await worker().client.startTask(start());
    const error = await errorOf(textOf({ taskId: "t2", attempt: 1 }));
    expect([error?.code, reasonOf(error)]).toEqual([Code.NotFound, "ATTEMPT_NOT_FOUND"]);
  });

  test("of an attempt that never had a container say why there are none", async () => {
    await worker().client.startTask(start("t1", { spec: { image: "web:missing" } }));
    await waitFor(worker(), "t1", TaskState.FAILED);
    const error = await errorOf(textOf({ ...key, follow: true }));
    expect(reasonOf(error)).toBe("NO_CONTAINER");
    expect(error?.rawMessage).toContain("no image web:missing");
  });

  test("are given to so many readers at once", async () => {
    await worker().client.startTask(start());
    await waitFor(worker(), "t1", TaskState.RUNNING);
    const readers = Array.from({ length: LOG_STREAMS_MAX }, () =>
      worker()
        .client.streamTaskLogs({ ...key, follow: true })
        [Symbol.asyncIterator](),
    );
    await Promise.all(readers.map((reader) => reader.next()));
    expect(reasonOf(await errorOf(textOf(key)))).toBe("TOO_MANY_LOG_STREAMS");
    exitProcess(worker().engine, key, 0);
    for (const reader of readers) while (!(await reader.next()).done);
    expect(await textOf(key)).toBe("started\n");
  });
});
