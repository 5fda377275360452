import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, jest } from "@jest/globals";
import { FailureReason, RestartMode, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { identityOf } from "./audit.ts";
import { eventually } from "./eventually.ts";
import { faultTest, hasAll, type Need } from "./needs.ts";
import { type PrivateEngine, startPrivateEngine } from "./private-engine.ts";
import { isRunning, type Rig, startRig } from "./rig.ts";

jest.setTimeout(120_000);

/** Longer than any engine here is away: these tests are not about lost workers. */
const LEASE_MS = 30_000;

const NEEDS: readonly Need[] = ["root", "dockerd"];

/** One that can be made to end with a code of its own: 7. */
const EXITS_ON_USR1 = {
  command: ["sh", "-c", "trap 'exit 7' USR1; trap 'exit 0' TERM; while true; do sleep 0.1; done"],
};

describe("an engine with live-restore", () => {
  let engine: PrivateEngine | undefined;
  let rig: Rig;

  beforeAll(async () => {
    if (!hasAll(NEEDS)) return;
    engine = await startPrivateEngine({ liveRestore: true });
    rig = await startRig({ workers: [{ socketPath: engine.socketPath }], leaseMs: LEASE_MS });
  });
  afterAll(async () => {
    try {
      await rig?.stop();
    } finally {
      await engine?.destroy();
    }
  });

  faultTest("keeps its containers when killed, and Berth restarts none", NEEDS, async () => {
    const tasks = await rig.sleepers(3);
    const before = (await rig.containers()).map(identityOf);
    await engine?.kill();
    await engine?.start();
    await rig.sleeper();
    await rig.agrees();
    expect((await rig.containers()).map(identityOf)).toEqual(expect.arrayContaining(before));
    for (const { id } of tasks) expect((await rig.task(id, isRunning)).attempt?.number).toBe(1);
  });

  faultTest(
    "that was down while a container ended still tells its true exit code",
    NEEDS,
    async () => {
      const { id } = await rig.sleeper(EXITS_ON_USR1);
      const { pid } = await rig.container(id);
      await engine?.kill();
      process.kill(pid, "SIGUSR1");
      await eventually("the container has ended", async () => !existsSync(`/proc/${pid}`));
      await engine?.start();
      const ended = await rig.task(id, ({ state }) => state === TaskState.FAILED);
      expect(ended.attempt?.status?.exitCode).toBe(7);
      expect(ended.attempt?.status?.failure?.reason).toBe(FailureReason.EXITED);
      await rig.agrees();
    },
  );

  faultTest("that freezes holds up what is asked of it, and loses nothing", NEEDS, async () => {
    await rig.sleeper();
    const before = (await rig.containers()).filter(({ running }) => running).map(identityOf);
    engine?.freeze();
    const { id } = await rig.submit({ command: ["true"] });
    await systemClock.sleep(6_000);
    engine?.thaw();
    await rig.task(id, ({ state }) => state === TaskState.COMPLETED);
    await rig.agrees();
    expect((await rig.containers()).map(identityOf)).toEqual(expect.arrayContaining(before));
  });

  faultTest("that is down when the worker's process restarts is waited for", NEEDS, async () => {
    const { id } = await rig.sleeper();
    const before = identityOf(await rig.container(id));
    const [worker] = rig.workers;
    await engine?.kill();
    await worker?.kill();
    worker?.start();
    await systemClock.sleep(3_000);
    await engine?.start();
    if (!worker?.isAlive()) worker?.start();
    await rig.workersReady(1);
    await rig.sleeper();
    await rig.agrees();
    expect(identityOf(await rig.container(id))).toEqual(before);
  });
});

describe("an engine without live-restore", () => {
  let engine: PrivateEngine | undefined;
  let rig: Rig;

  beforeAll(async () => {
    if (!hasAll(NEEDS)) return;
    engine = await startPrivateEngine({ liveRestore: false });
    rig = await startRig({ workers: [{ socketPath: engine.socketPath }], leaseMs: LEASE_MS });
  });
  afterAll(async () => {
    try {
      await rig?.stop();
    } finally {
      await engine?.destroy();
    }
  });

  const restartPolicy = { mode: RestartMode.ON_FAILURE };

  faultTest(
    "takes its containers along when killed; the restart policy brings them back",
    NEEDS,
    async () => {
      // Without a trap the first process of a container does not even notice a polite request.
      const command = ["sh", "-c", "while true; do sleep 1; done"];
      const tasks = await rig.sleepers(3, { restartPolicy, command });
      await engine?.kill();
      await engine?.start();
      for (const { id } of tasks) {
        const again = await rig.task(id, (task) => isRunning(task) && task.attempt?.number === 2);
        expect(again.pastAttempts[0]?.status?.exitCode).toBe(137);
      }
      await rig.agrees();
    },
  );

  faultTest("stopped and started in good order restarts what the policy wants", NEEDS, async () => {
    const { id } = await rig.sleeper({ restartPolicy: { mode: RestartMode.ALWAYS } });
    await engine?.stop();
    await engine?.start();
    await rig.task(id, (task) => isRunning(task) && (task.attempt?.number ?? 0) > 1);
    await rig.agrees();
  });
});
