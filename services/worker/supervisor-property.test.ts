import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { isTerminal } from "../../core/task-state.ts";
import { type AttemptStatus, TaskSpecSchema, TaskState } from "../../gen/berth/v1/task_pb.ts";
import { silentLog } from "../../lib/log.ts";
import { createManualClock } from "../../lib/manual-clock.ts";
import { createSeededRandom } from "../../lib/random.ts";
import { type Attempt, keyText } from "./attempt.ts";
import { createFakeRuntime } from "./fake-runtime.ts";
import { createFakeEngine, type FakeContainer } from "./fake-runtime-engine.ts";
import {
  breakEngine,
  containerFor,
  exitProcess,
  mendEngine,
  removeByForce,
} from "./fake-runtime-faults.ts";
import { createFakeProbes } from "./prober-fake.ts";
import { statusOf } from "./reports.ts";
import type { AttemptKey } from "./runtime.ts";
import { createMemoryFolder } from "./state-folder-memory.ts";
import { createSupervisor, type Supervisor } from "./supervisor.ts";
import { openVerdicts } from "./verdicts.ts";

const TASKS = 3;
const IMAGES = ["web:1", "web:pull-300", "web:after-30.exit-3", "web:nostart", "web:ignores"];

const task = fc.nat(TASKS - 1);
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("start" as const), task }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("stop" as const), task }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("exit", "remove"), task }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("down", "hung", "mend", "crash") }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("mute", "lose") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(1_000) }) },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** A worker that is crashed and restarted at will, and a manager that asks again until it is so. */
async function createWorld(images: readonly string[]) {
  const clock = createManualClock();
  const engine = createFakeEngine(clock);
  const everStarted = new Map<string, FakeContainer>();
  const seen = new Map<string, AttemptStatus>();
  const wishes = new Map<number, "start" | "stop">();
  const verdicts = await openVerdicts(createMemoryFolder("w1").verdicts, silentLog);
  let worker: Supervisor;
  let life = new AbortController();
  /** The latest state told by the present process: it must not go back within one life. */
  let told = new Map<string, TaskState>();

  const keyOf = (task: number): AttemptKey => ({ taskId: `t${task}`, attempt: 1 });

  function onReport(attempt: Attempt): void {
    const id = keyText(attempt.key);
    const status = statusOf(attempt);
    expect(status.state).toBeGreaterThanOrEqual(told.get(id) ?? 0);
    told.set(id, status.state);
    const before = seen.get(id);
    if (before && isTerminal(before.state)) return;
    if (!before || status.state >= before.state) seen.set(id, status);
  }

  function boot(): void {
    life = new AbortController();
    told = new Map();
    worker = createSupervisor({
      probes: createFakeProbes(engine),
      verdicts,
      runtime: createFakeRuntime(engine),
      owner: () => ({ clusterId: "c1", workerId: "w1" }),
      engine: () => "fake 1.0",
      clock,
      random: createSeededRandom(7),
      log: silentLog,
      onReport,
    });
    void worker.run(life.signal);
  }

  /** Tells the worker every wish again, as a manager does on every connect. */
  function tell(task: number): void {
    const wish = wishes.get(task);
    const status = seen.get(keyText(keyOf(task)));
    if (wish === "stop") worker.stop(keyOf(task), 500);
    // A manager asks for a start only as long as nothing was reported.
    if (wish === "start" && (!status || status.state === TaskState.STARTING))
      worker.start(
        keyOf(task),
        create(TaskSpecSchema, { image: images[task] ?? "web:1", name: `n${task}` }),
      );
  }

  const retell = () =>
    worker.adopted().then(
      () => [...wishes.keys()].forEach(tell),
      (error: unknown) => expect(error).toBeInstanceOf(Error),
    );

  async function play(next: Event): Promise<void> {
    if (next.kind === "start" && !wishes.has(next.task)) wishes.set(next.task, "start");
    if (next.kind === "stop" && wishes.has(next.task)) wishes.set(next.task, "stop");
    if (next.kind === "exit") exitProcess(engine, keyOf(next.task), 0);
    if (next.kind === "remove") removeByForce(engine, keyOf(next.task));
    if (next.kind === "down" || next.kind === "hung") breakEngine(engine, next.kind);
    if (next.kind === "mend") mendEngine(engine);
    if (next.kind === "mute") engine.isMute = true;
    if (next.kind === "lose") engine.lostAnswers++;
    if (next.kind === "crash") {
      life.abort();
      boot();
    }
    void retell();
    await clock.advance(next.kind === "pass" ? next.ms : 1);
    for (const container of engine.containers.values()) everStarted.set(container.id, container);
  }

  async function heal(): Promise<void> {
    engine.isMute = false;
    engine.lostAnswers = 0;
    mendEngine(engine);
    await clock.advance(10_000);
    await retell();
    await clock.advance(130_000);
  }

  /** An attempt has ended, or runs in a container that runs, and nobody wants it stopped. */
  function expectSettled(task: number): void {
    const attempt = worker.find(keyOf(task));
    if (!attempt) return;
    const { state } = statusOf(attempt);
    if (isTerminal(state)) return;
    const container = containerFor(engine, keyOf(task))?.state.kind;
    expect({ task, state, container, wish: wishes.get(task) }).toEqual({
      task,
      state: TaskState.RUNNING,
      container: "running",
      wish: "start",
    });
  }

  /** Containers that no attempt accounts for. */
  function strays(): unknown[] {
    return [...engine.containers.values()].filter(({ key }) => {
      const stage = worker.find(key)?.stage;
      return stage?.kind !== "running" && !(stage?.kind === "ended" && stage.remains === "kept");
    });
  }

  boot();
  return { play, heal, wishes, everStarted, expectSettled, strays, end: () => life.abort() };
}

test("settles: whatever happens, states go forward, nothing runs twice, and all ends as desired", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...IMAGES), { minLength: TASKS, maxLength: TASKS }),
      fc.array(event, { minLength: 5, maxLength: 25 }),
      async (images, events) => {
        const world = await createWorld(images);
        try {
          for (const next of events) await world.play(next);
          await world.heal();
          for (const task of world.wishes.keys()) world.expectSettled(task);
          for (const container of world.everStarted.values())
            expect(container.startCount).toBeLessThanOrEqual(1);
          expect(world.strays()).toEqual([]);
        } finally {
          world.end();
        }
      },
    ),
    { numRuns: 200, seed: 20_260 },
  );
}, 60_000);
