import { expect, test } from "@jest/globals";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createContainerVerbs } from "./container-verbs.ts";
import { createEngineClient } from "./engine-client.ts";
import { defaultLimits } from "./engine-limits.ts";

const limits = defaultLimits(1);
const LABELS = {
  "dev.berth.cluster": "c1",
  "dev.berth.worker": "w1",
  "dev.berth.task": "t1",
  "dev.berth.attempt": "1",
};

type Death = Readonly<{ exitCode: number; memoryBytes: number; ageMs: number }>;

const KILLED: Death = { exitCode: 137, memoryBytes: 2 ** 24, ageMs: 10 };

/** A container that died, of which the engine says "out of memory" only when asked again. */
function inspectDead({ exitCode, memoryBytes, ageMs }: Death) {
  const clock = createManualClock();
  const finishMs = clock.now() - ageMs;
  const times = {
    StartedAt: new Date(finishMs - 1_000).toISOString(),
    FinishedAt: new Date(finishMs).toISOString(),
  };
  let lookCount = 0;
  const send = async () => ({
    Id: "c1",
    Config: { Labels: LABELS },
    HostConfig: { Memory: memoryBytes },
    State: { Status: "exited", ExitCode: exitCode, OOMKilled: ++lookCount > 1, ...times },
  });
  const address = "127.0.0.1";
  const addresses = { publishAddress: address, advertiseAddress: address };
  const engine = createEngineClient(send, clock);
  const verbs = createContainerVerbs(engine, { clock, limits, ...addresses });
  return { clock, inspecting: verbs.inspect("c1"), lookCount: () => lookCount };
}

test("a limited container that was just killed is looked at again before its exit is told", async () => {
  const { clock, inspecting, lookCount } = inspectDead(KILLED);
  await clock.advance(limits.memoryDoubtMs - 1);
  expect(lookCount()).toBe(1);
  await clock.advance(1);
  expect(await inspecting).toMatchObject({ state: { exit: { exitCode: 137, oomKilled: true } } });
});

test.each<[string, Death]>([
  ["that has no memory limit", { ...KILLED, memoryBytes: 0 }],
  ["that ended of itself", { ...KILLED, exitCode: 1 }],
  ["that died a while ago", { ...KILLED, ageMs: 60_000 }],
])("the exit of a container %s is told at once", async (_, death) => {
  const { inspecting } = inspectDead(death);
  expect(await inspecting).toMatchObject({ state: { exit: { oomKilled: false } } });
});

test("a clock set back does not make a dead container wait longer", async () => {
  const { clock, inspecting, lookCount } = inspectDead({ ...KILLED, ageMs: -3_600_000 });
  await clock.advance(limits.memoryDoubtMs);
  await inspecting;
  expect(lookCount()).toBe(2);
});
