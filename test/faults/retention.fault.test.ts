import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { ensureImage } from "../e2e/engine.ts";
import { eventually } from "./eventually.ts";
import { type Rig, startRig } from "./rig.ts";

jest.setTimeout(120_000);

let rig: Rig;
beforeAll(async () => {
  await ensureImage();
  rig = await startRig({ managerFlags: ["--keep-finished", "4s"] });
});
afterAll(() => rig.stop());

async function isGone(taskId: string): Promise<boolean> {
  try {
    await rig.client.getTask({ taskId }, { timeoutMs: 5_000 });
    return false;
  } catch (error) {
    if (ConnectError.from(error).code === Code.NotFound) return true;
    throw error;
  }
}

test("a finished task and its container go in time, though the manager died in between", async () => {
  const runs = await rig.sleeper();
  const { id } = await rig.submit({ command: ["true"] });
  await rig.task(id, ({ state }) => state === TaskState.COMPLETED);
  expect((await rig.containers()).filter(({ taskId }) => taskId === id)).toHaveLength(1);
  await rig.manager.kill();
  rig.manager.start();
  await eventually("the task is gone", () => isGone(id));
  rig.history.noteRemoval(id);
  await eventually("its container is gone", async () =>
    (await rig.containers()).every(({ taskId }) => taskId !== id),
  );
  await rig.agrees();
  expect((await rig.container(runs.id)).running).toBe(true);
});
