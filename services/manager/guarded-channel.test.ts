import { Code } from "@connectrpc/connect";
import { expect, test } from "@jest/globals";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { START_MS } from "../../test/builders.ts";
import { guardedChannel } from "./guarded-channel.ts";
import { createPushStream } from "./push-stream.ts";
import { createFakeWorker } from "./testing/fake-worker.ts";

const stop = (taskId: string) => ({ stops: [{ taskId, attempt: 1, epoch: 1n, clusterId: "c1" }] });

function createRig() {
  const reign = { isOver: false, leads: () => !reign.isOver };
  const worker = createFakeWorker();
  const client = createClient(WorkerService, guardedChannel(worker.connect(), reign));
  return { reign, worker, client };
}

test("a manager whose lease has run out calls no worker", async () => {
  const { reign, client } = createRig();
  reign.isOver = true;
  await expect(client.startTask({})).rejects.toMatchObject({ code: Code.Unavailable });
});

test("a stream of pushes that was opened before carries nothing more", async () => {
  const { reign, worker, client } = createRig();
  const { signal } = new AbortController();
  const stream = createPushStream(client, { clock: createManualClock(START_MS), signal });
  await stream.tell(stop("t1"));
  reign.isOver = true;
  await expect(stream.tell(stop("t2"))).rejects.toThrow("no longer leads");
  expect(worker.told).toEqual(["stop t1/1"]);
});
