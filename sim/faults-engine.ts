import { exitContainer, type FakeContainer } from "../services/worker/fake-runtime-engine.ts";
import {
  breakEngine,
  exitProcess,
  mendEngine,
  removeByForce,
} from "../services/worker/fake-runtime-faults.ts";
import type { Fault } from "./faults.ts";
import { RESTART_MS } from "./lives.ts";
import type { FaultStep } from "./plan.ts";
import { ENGINE_MS, type WorkerMachine } from "./worker-machine.ts";
import type { World } from "./world.ts";

/** An engine with a thousand things to do. */
const ENGINE_MS_SLOW = 4_000;

/** How much of what it answers an engine loses at most. */
const ANSWERS_LOST_MAX = 0.6;

/** What changes something on a worker's machine. */
const CHANGES = ["pull", "create", "start", "revokeStarts", "stop", "remove"];

/** How many changes an armed crash lets pass at most. */
const PASSES_MAX = 3;

export const engineFaults = {
  "engine-down": { target: "worker", begin: (world, { on }) => breakOff(world, on, "down") },
  /** It takes every question and answers none. */
  "engine-hung": { target: "worker", begin: (world, { on }) => breakOff(world, on, "hung") },
  "engine-slow": {
    target: "worker",
    begin: (world, { on, level = 1 }) =>
      trouble(world, on, (machine) => {
        machine.engineMs = level * ENGINE_MS_SLOW;
        return () => {
          machine.engineMs = ENGINE_MS;
        };
      }),
  },
  /** It tells of nothing by itself, and not of that either: only who looks finds out. */
  "events-lost": {
    target: "worker",
    begin: (world, { on }) =>
      trouble(world, on, ({ engine }) => {
        engine.isMute = true;
        return () => {
          engine.isMute = false;
        };
      }),
  },
  /** It does what it is asked, and nobody hears the answer. */
  "engine-answers-lost": {
    target: "worker",
    begin: (world, { on, level = 1 }) =>
      trouble(world, on, (machine) => {
        machine.answersLost = level * ANSWERS_LOST_MAX;
        return () => {
          machine.answersLost = 0;
        };
      }),
  },
  /**
   * The worker is killed when it has asked for a change, before it hears what came of it, and is
   * started again at once.
   */
  "crash-amid-change": {
    target: "worker",
    begin: (world, step) => trouble(world, step.on, (machine) => armCrash(world, step, machine)),
  },
  "container-killed": {
    target: "task",
    begin: (world, step) =>
      tamper(world, step, ({ machine, container }) =>
        exitProcess(machine.engine, container.key, 9),
      ),
  },
  "container-out-of-memory": {
    target: "task",
    begin: (world, step) =>
      tamper(world, step, ({ machine, container }) =>
        exitContainer(machine.engine, container, { exitCode: 137, oomKilled: true }),
      ),
  },
  "container-removed": {
    target: "task",
    begin: (world, step) =>
      tamper(world, step, ({ machine, container }) => removeByForce(machine.engine, container.key)),
  },
  /** The engine goes, a container exits meanwhile, the engine comes back. */
  "exit-while-engine-down": {
    target: "task",
    begin: (world, step) =>
      tamper(world, step, ({ machine, container }) => {
        breakEngine(machine.engine, "down");
        exitProcess(machine.engine, container.key, 9);
        return () => mendEngine(machine.engine);
      }),
  },
  /** The worker goes, a container exits meanwhile, the worker comes back. */
  "exit-while-worker-down": {
    target: "task",
    begin: (world, step) =>
      tamper(world, step, ({ workerId, machine, container }) => {
        world.parts.get(workerId)?.crash(false);
        exitProcess(machine.engine, container.key, 9);
        return () => world.parts.get(workerId)?.start();
      }),
  },
} as const satisfies Record<string, Fault>;

const breakOff = (world: World, on: string, mode: "down" | "hung") =>
  trouble(world, on, ({ engine }) => {
    breakEngine(engine, mode);
    return () => mendEngine(engine);
  });

function armCrash(
  { time, self, parts }: World,
  { on, level = 0 }: FaultStep,
  machine: WorkerMachine,
): () => void {
  let passes = Math.round(level * PASSES_MAX);
  machine.onAsked = (verb) => {
    if (!CHANGES.includes(verb) || passes-- > 0) return;
    machine.onAsked = undefined;
    time.schedule(self, 0, () => parts.get(on)?.crash(false));
    time.schedule(self, RESTART_MS, () => parts.get(on)?.start());
  };
  return () => {
    machine.onAsked = undefined;
    parts.get(on)?.start();
  };
}

function trouble(world: World, on: string, begin: (machine: WorkerMachine) => () => void) {
  const machine = world.machines.get(on);
  if (!machine) return undefined;
  world.excused.add(on);
  return begin(machine);
}

type Found = Readonly<{ workerId: string; machine: WorkerMachine; container: FakeContainer }>;

/** Does something to a container of a task, if it has a running one. */
function tamper(world: World, { on }: FaultStep, act: (found: Found) => unknown) {
  const found = findRunning(world, on);
  if (!found) return undefined;
  world.tampered.add(on);
  world.excused.add(found.workerId);
  const end = act(found);
  return typeof end === "function" ? () => void end() : undefined;
}

function findRunning({ machines }: World, taskName: string): Found | undefined {
  for (const [workerId, machine] of machines)
    for (const container of machine.engine.containers.values())
      if (container.spec.name === taskName && container.state.kind === "running")
        return { workerId, machine, container };
  return undefined;
}
