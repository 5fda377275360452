import { expect, test } from "@jest/globals";
import { createManualClock } from "../../lib/manual-clock.ts";
import type { Attempt, Stage } from "./attempt.ts";
import { attemptAt } from "./test-attempt.ts";
import { createUsageRings } from "./usage-rings.ts";

const SECOND_MS = 1_000;

const container = (id: string) => ({ id, startTimeMs: 0, ports: [] });

/** A worker that holds some attempts, and counts how often containers are looked at. */
function rig() {
  const clock = createManualClock();
  const held = new Map<string, Attempt>();
  const looks: string[] = [];
  const rings = createUsageRings({
    glance(containerId) {
      looks.push(containerId);
      return { takenMs: clock.now(), cpuNanos: clock.monotonic(), memoryBytes: 1 };
    },
    attempts: () => [...held.values()],
    clock,
  });
  const life = new AbortController();
  const running = rings.run(life.signal);
  const key = (taskId: string) => ({ taskId, attempt: 1 });
  return {
    clock,
    looks,
    held,
    is(taskId: string, stage: Stage) {
      const attempt = attemptAt(stage, { key: key(taskId) });
      held.set(taskId, attempt);
      rings.note(attempt);
    },
    of: (taskId: string) => rings.of(key(taskId)),
    async end() {
      life.abort();
      await running;
    },
  };
}

const running = (id: string): Stage => ({ kind: "running", container: container(id) });
const ended = (id: string): Stage => ({
  kind: "ended",
  outcome: { state: 80, message: "", exit: undefined, failure: undefined },
  container: container(id),
  remains: "kept",
});

test("what begins is seen at once, every second while it is young, then every five", async () => {
  const { clock, is, of, end } = rig();
  is("t1", running("c1"));
  expect(of("t1")).toHaveLength(1);
  await clock.advance(10 * SECOND_MS);
  const young = of("t1").length;
  expect(young).toBeGreaterThanOrEqual(9);
  await clock.advance(20 * SECOND_MS);
  expect(of("t1").length - young).toBeGreaterThanOrEqual(3);
  expect(of("t1").length - young).toBeLessThanOrEqual(5);
  await end();
});

test("a minute is kept, also after the end, until the attempt is forgotten", async () => {
  const { clock, is, of, held, end } = rig();
  is("t1", running("c1"));
  is("t2", running("c2"));
  await clock.advance(300 * SECOND_MS);
  const kept = of("t1");
  const spanMs = (kept.at(-1)?.takenMs ?? 0) - (kept[0]?.takenMs ?? 0);
  expect(spanMs).toBeLessThanOrEqual(60 * SECOND_MS);
  expect(spanMs).toBeGreaterThanOrEqual(50 * SECOND_MS);
  is("t1", ended("c1"));
  await clock.advance(60 * SECOND_MS);
  expect(of("t1")).toEqual(kept);
  held.delete("t1");
  await clock.advance(10 * SECOND_MS);
  expect(of("t1")).toEqual([]);
  await end();
});

test("while nothing runs nothing is looked at, and no timer waits", async () => {
  const { clock, is, looks, end } = rig();
  await clock.advance(60 * SECOND_MS);
  expect([looks, clock.sleeperCount]).toEqual([[], 0]);
  is("t1", running("c1"));
  await clock.advance(20 * SECOND_MS);
  is("t1", ended("c1"));
  await clock.advance(20 * SECOND_MS);
  const seen = looks.length;
  await clock.advance(60 * SECOND_MS);
  expect([looks.length, clock.sleeperCount]).toEqual([seen, 0]);
  await end();
});

test("many that begin together are looked at together", async () => {
  const { clock, is, looks, end } = rig();
  for (let i = 0; i < 200; i++) is(`t${i}`, running(`c${i}`));
  expect(looks).toHaveLength(200);
  await clock.advance(SECOND_MS);
  expect(looks.length).toBeLessThanOrEqual(400);
  await end();
});
