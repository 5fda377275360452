import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { LogStream } from "../../gen/berth/v1/log_entry_pb.ts";
import { type Task, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerService } from "../../gen/berth/v1/worker_service_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { reasonOf } from "../../lib/errors.ts";
import { silentLog } from "../../lib/log.ts";
import { openChannel } from "../../lib/rpc/channel.ts";
import { createClient } from "../../lib/rpc/client.ts";
import { startCluster, type TestCluster } from "./cluster.ts";
import { ensureImage } from "./engine.ts";

jest.setTimeout(300_000);

const isRunning = (task: Task) => task.state === TaskState.RUNNING;
const shell = (script: string) => ({ command: ["sh", "-c", script] });
const WAIT = "until [ -e /tmp/go ]; do sleep 0.05; done";

let cluster: TestCluster;
beforeAll(async () => {
  await ensureImage();
  cluster = await startCluster();
});
afterAll(() => cluster?.stop());

async function start(script: string): Promise<Task> {
  const { id } = await cluster.submit(shell(script));
  return cluster.waitFor(id, isRunning);
}

/** Lets a container go on that waits for it. */
async function go(taskId: string): Promise<void> {
  const words = (async function* () {
    const process = { command: ["sh", "-c", ": > /tmp/go"] };
    yield { word: { case: "start" as const, value: { taskId, process } } };
  })();
  for await (const { output } of cluster.client.execTask(words))
    if (output?.word.case === "exit") expect(output.word.value.exitCode).toBe(0);
}

test("a log is followed over its engine's changes of files, without a gap or a repetition", async () => {
  // 40 MB in lines of 10 KB: the engine begins another file every 10 MB.
  const script = `${WAIT}; PAD=$(yes 0123456789 | head -c 10000 | busybox tr -d '\\n'); i=0
    while [ $i -lt 4000 ]; do echo "$i $PAD"; i=$((i+1)); [ $((i % 10)) = 0 ] && sleep 0.02; done`;
  const { id: taskId } = await start(script);
  const numbers: number[] = [];
  const following = (async () => {
    const answers = cluster.client.streamTaskLogs({ taskId, follow: true });
    for await (const { entries } of answers)
      for (const { data, stream } of entries)
        if (stream === LogStream.STDOUT)
          numbers.push(Number.parseInt(Buffer.from(data).toString(), 10));
  })();
  await go(taskId);
  await following;
  expect(numbers).toEqual(Array.from({ length: 4_000 }, (_, index) => index));
});

const FOLLOWERS = 100;
const SLOW = 10;
const LINES = 3_000;

test("a hundred followers of a chatty task cost a worker little, and slow ones are cut with the reason", async () => {
  const pad = "0123456789".repeat(100);
  const script = `echo begin; ${WAIT}; i=0; while [ $i -lt ${LINES} ]; do echo "$i ${pad}"; i=$((i+1)); done; sleep 1000`;
  const { id: taskId } = await start(script);
  const presence = (await cluster.client.getWorker({ workerId: cluster.workerId })).worker
    ?.presence;
  const address = presence?.description?.address ?? "";
  const channel = openChannel({ address, clock: systemClock, log: silentLog });
  const worker = createClient(WorkerService, channel);
  const open = () =>
    worker.streamTaskLogs({ taskId, attempt: 1, follow: true })[Symbol.asyncIterator]();
  const followers = Array.from({ length: FOLLOWERS }, open);
  const before = cluster.rssBytes("worker");
  let peak = before;
  for (const follower of followers) expect((await follower.next()).done).toBe(false);

  async function readToEnd(follower: ReturnType<typeof open>): Promise<number> {
    for (let count = 1; ; ) {
      const { done, value } = await follower.next();
      if (done) return count;
      count += value.entries.length;
      peak = Math.max(peak, cluster.rssBytes("worker"));
      if (count > LINES) return count;
    }
  }

  const quick = followers.slice(SLOW).map(readToEnd);
  await go(taskId);
  expect(new Set(await Promise.all(quick))).toEqual(new Set([LINES + 1]));
  for (const follower of followers.slice(0, SLOW)) {
    const error = await readToEnd(follower).catch((reason: unknown) => reason);
    expect(reasonOf(error)).toBe("SLOW_READER");
  }
  expect(peak - before).toBeLessThan(256 * 2 ** 20);
  channel.close();
  await cluster.client.stopTask({ taskId });
});
