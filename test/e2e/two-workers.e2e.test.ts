import { afterEach, expect, test } from "@jest/globals";
import { NetworkMode, OnDisconnect } from "../../gen/berth/v1/task_pb.ts";
import { systemClock } from "../../lib/clock.ts";
import { silentLog } from "../../lib/log.ts";
import { systemRandom } from "../../lib/random.ts";
import { type Attempt, keyText, type Stage } from "../../services/worker/attempt.ts";
import type { AttemptKey, Owner } from "../../services/worker/runtime.ts";
import { createMemoryFolder } from "../../services/worker/state-folder-memory.ts";
import { createSupervisor } from "../../services/worker/supervisor.ts";
import { openVerdicts } from "../../services/worker/verdicts.ts";
import { createDockerRig, IDLE as IDLE_ON_BRIDGE, specOf } from "./docker-rig.ts";

const { runtime, engine, owner, stranger, nextKey, createOne } = createDockerRig("two");

const IDLE = { ...IDLE_ON_BRIDGE, networkMode: NetworkMode.NONE };

const lives: AbortController[] = [];
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
});

type Kind = Stage["kind"];

/** One life of a worker's process. */
async function boot(self: Owner) {
  const life = new AbortController();
  lives.push(life);
  let hear: () => void = () => undefined;
  const supervisor = createSupervisor({
    runtime,
    probes: { ask: async () => ({ kind: "passed" }) },
    verdicts: await openVerdicts(createMemoryFolder(self.workerId).verdicts, silentLog),
    owner: () => self,
    engine: () => "fake 1.0",
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    onReport: () => hear(),
  });
  void supervisor.run(life.signal);
  await supervisor.adopted();
  async function until(key: AttemptKey, kind: Kind): Promise<Attempt> {
    for (;;) {
      const attempt = supervisor.find(key);
      if (attempt?.stage.kind === kind) return attempt;
      await new Promise<void>((resolve) => {
        hear = resolve;
      });
    }
  }
  const held = () => supervisor.list().map(({ key }) => keyText(key));
  return Object.assign(supervisor, { until, held, crash: () => life.abort() });
}

const stateOf = async (containerId: string) =>
  (await engine.getContainer(containerId).inspect()).State;

const containerOf = ({ stage }: Attempt): string =>
  stage.kind === "running" ? stage.container.id : "";

test("two workers on one engine adopt, stop and forget their own containers only", async () => {
  const [mine, theirs] = [nextKey(), nextKey()];
  const [first, second] = [await boot(owner), await boot(stranger)];
  first.start(mine, specOf(IDLE));
  second.start(theirs, specOf(IDLE));
  const id = containerOf(await second.until(theirs, "running"));
  const { StartedAt } = await stateOf(id);
  await first.until(mine, "running");
  first.crash();

  const again = await boot(owner);
  expect(again.held()).toEqual([keyText(mine)]);
  again.stop(theirs, 0);
  again.stop(mine, 0);
  await again.until(mine, "ended");
  again.forget(mine);
  expect(second.held()).toEqual([keyText(theirs)]);
  expect(await stateOf(id)).toMatchObject({ Running: true, StartedAt });
});

test("a worker that was restarted and is cut off stops what is ordered to stop", async () => {
  const [singleton, other] = [nextKey(), nextKey()];
  const first = await boot(owner);
  const grace = { seconds: 2n, nanos: 0 };
  first.start(singleton, specOf({ ...IDLE, onDisconnect: OnDisconnect.STOP, stopGrace: grace }));
  first.start(other, specOf(IDLE));
  await first.until(singleton, "running");
  await first.until(other, "running");
  first.crash();

  const second = await boot(owner);
  second.cutOff("cut off");
  const { stage } = await second.until(singleton, "ended");
  expect(stage).toMatchObject({ remains: "kept", outcome: { exit: { exitCode: 0 } } });
  expect(second.find(other)?.stage.kind).toBe("running");
});

test("an ended container that somebody starts again is stopped", async () => {
  const key = nextKey();
  const worker = await boot(owner);
  worker.start(key, specOf(IDLE));
  const id = containerOf(await worker.until(key, "running"));
  const container = engine.getContainer(id);
  await container.kill();
  await worker.until(key, "ended");
  await container.start();
  await container.wait();
  expect(await stateOf(id)).toMatchObject({ Running: false });
  expect(worker.find(key)?.stage).toMatchObject({ outcome: { exit: { exitCode: 137 } } });
});

test("a container of nobody's is left alone though it has a task's name", async () => {
  const key = nextKey();
  const worker = await boot({ ...owner, clusterId: "another" });
  const id = await createOne(IDLE, key);
  await runtime.start(id);
  worker.stop(key, 0);
  expect(worker.held()).toEqual([]);
  expect(await stateOf(id)).toMatchObject({ Running: true });
});
