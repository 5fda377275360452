import { afterAll, beforeAll, expect, jest } from "@jest/globals";
import { RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { ensureImage } from "../e2e/engine.ts";
import { identityOf } from "./audit.ts";
import { faultTest, hasAll, type Need } from "./needs.ts";
import { createIsland, type Island } from "./network.ts";
import { isRunning, type Rig, startRig } from "./rig.ts";

jest.setTimeout(120_000);

const NEEDS: readonly Need[] = ["root", "ip", "iptables", "ss", "tc"];
const LEASE_MS = 2_000;
const restartPolicy = { mode: RestartMode.ON_FAILURE };

let island: Island | undefined;
let rig: Rig;

/** Worker 1 is on the island, worker 2 on the mainland with everybody else. */
beforeAll(async () => {
  if (!hasAll(NEEDS)) return;
  await ensureImage();
  island = await createIsland();
  const { prefix, address, mainland } = island;
  rig = await startRig({
    host: mainland,
    leaseMs: LEASE_MS,
    workers: [{ host: address, launch: { prefix } }, { host: mainland }],
  });
});
afterAll(async () => {
  try {
    await island?.heal();
    await rig?.stop();
  } finally {
    await island?.remove();
  }
});

/** A task that runs on the island. */
async function islander() {
  for (;;) {
    const task = await rig.sleeper({ restartPolicy });
    if (task.attempt?.placement?.workerId === rig.workerIds[0]) return task;
  }
}

/** After a fault that was short, nothing has moved. */
async function nothingMoves(whileBroken: () => Promise<void>): Promise<void> {
  const { id } = await islander();
  const before = (await rig.containers()).filter(({ running }) => running).map(identityOf);
  await whileBroken();
  await island?.heal();
  await rig.workersReady(2);
  await rig.sleepers(2);
  await rig.agrees();
  expect((await rig.containers()).map(identityOf)).toEqual(expect.arrayContaining(before));
  expect((await rig.task(id, isRunning)).attempt?.number).toBe(1);
}

faultTest("a cable cut for half a lease moves nothing", NEEDS, () =>
  nothingMoves(async () => {
    await island?.cutOff();
    await systemClock.sleep(LEASE_MS / 2);
  }),
);

faultTest("connections that are reset again and again move nothing", NEEDS, () =>
  nothingMoves(async () => {
    let resets = 0;
    for (let i = 0; i < 10; i++) {
      resets += (await island?.resetAll()) ?? 0;
      await systemClock.sleep(100);
    }
    expect(resets).toBeGreaterThan(0);
  }),
);

faultTest(
  "a network that answers everything with a reset for half a lease moves nothing",
  NEEDS,
  () =>
    nothingMoves(async () => {
      await island?.refuse();
      await systemClock.sleep(LEASE_MS / 2);
    }),
);

faultTest(
  "a worker cut off from the registry alone is not lost: the manager still hears it",
  NEEDS,
  () =>
    nothingMoves(async () => {
      await island?.cutOffFrom(rig.registry.address.split(":")[1] ?? "");
      await systemClock.sleep(3 * LEASE_MS);
    }),
);

faultTest("a thin cable makes everything slow and moves nothing", NEEDS, () =>
  nothingMoves(async () => {
    await island?.choke();
    await rig.submit({ command: ["true"] });
    await systemClock.sleep(2 * LEASE_MS);
  }),
);

/** A worker that nobody hears is lost: its task runs elsewhere, and once it is back only there. */
async function isReplaced(cut: () => Promise<void>): Promise<void> {
  const { id } = await islander();
  await cut();
  const replaced = await rig.task(
    id,
    (task) => isRunning(task) && task.attempt?.placement?.workerId === rig.workerIds[1],
  );
  expect(replaced.pastAttempts[0]?.status?.state).toBe(TaskState.LOST);
  await island?.heal();
  await rig.workersReady(2);
  await rig.sleepers(2);
  await rig.agrees();
  expect((await rig.container(id)).workerId).toBe(rig.workerIds[1]);
}

faultTest(
  "a worker cut off for good is replaced; when it is back, one of the two stops",
  NEEDS,
  () => isReplaced(async () => island?.cutOff()),
);

faultTest("a worker whose words do not arrive is replaced, though it hears everything", NEEDS, () =>
  isReplaced(async () => island?.mute()),
);

faultTest("a worker that hears nothing is replaced, though its words arrive", NEEDS, () =>
  isReplaced(async () => island?.deafen()),
);
