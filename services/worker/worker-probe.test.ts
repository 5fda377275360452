import { afterEach, expect, test } from "@jest/globals";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { createFakeEngine } from "./fake-runtime-engine.ts";
import { breakEngine, mendEngine } from "./fake-runtime-faults.ts";
import { createEngineProbe } from "./worker-probe.ts";

const life = new AbortController();
afterEach(() => life.abort());

test("an engine is asked what it is when it appears and comes back, else for a sign of life", async () => {
  const clock = createManualClock();
  const engine = createFakeEngine(clock);
  const probe = createEngineProbe({ runtime: createFakeRuntime(engine), clock, log: silentLog });
  void probe.run(life.signal);
  await clock.advance(5_000);
  expect(engine.calls).toEqual(["describe", "ping"]);

  breakEngine(engine, "down");
  await clock.advance(5_000);
  expect(probe.error()).toContain("did not answer: ping");
  mendEngine(engine);
  await clock.advance(5_000);
  expect(probe.error()).toBe("");
  expect(engine.calls).toEqual(["describe", "ping", "ping", "describe"]);
});
