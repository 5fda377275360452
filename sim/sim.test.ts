import { expect, test } from "@jest/globals";
import { ManagerService } from "../gen/berth/v1/manager_service_pb.ts";
import { TaskState } from "../gen/berth/v1/task_pb.ts";
import { silentLog } from "../lib/log.ts";
import { createClient } from "../lib/rpc/client.ts";
import { createClock, createProcess } from "./virtual-clock.ts";
import { ADDRESSES, createWorld } from "./world.ts";

test("a whole cluster runs a task in virtual time", async () => {
  const world = createWorld({ seed: 1, workerCount: 3, isTraced: true, onDurable: () => undefined });
  const { time } = world;
  for (const part of world.parts.values()) part.start();
  const process = createProcess("user");
  const clock = createClock(time, process);
  const wire = world.ether.wireOf("user", process);
  const channel = wire.connect({ address: ADDRESSES.manager, clock, log: silentLog });
  const client = createClient(ManagerService, channel);
  let id = "";
  let state: TaskState | undefined;
  time.schedule(process, 1000, () => {
    void client.submitTask({ spec: { image: "web:1" } }).then(({ task }) => {
      id = task?.id ?? "none";
    });
  });
  await time.run(5_000, () => false);
  time.schedule(process, 0, () => {
    void client.getTask({ taskId: id }).then(({ task }) => {
      state = task?.state;
    });
  });
  await time.run(6_000, () => false);
  if (state !== TaskState.RUNNING) throw new Error(world.trace.lines.join("\n"));
  expect(state).toBe(TaskState.RUNNING);
  const t = performance.now();
  const e = time.eventCount();
  await time.run(306_000, () => false);
  console.log(performance.now() - t, time.eventCount() - e);
});
