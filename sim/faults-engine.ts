import { exitContainer, type FakeContainer } from "../services/worker/fake-runtime-engine.ts";
import {
  breakEngine,
  exitProcess,
  mendEngine,
  removeByForce,
} from "../services/worker/fake-runtime-faults.ts";
import type { Fault } from "./faults.ts";
import type { FaultStep } from "./plan.ts";
import { ENGINE_MS, type WorkerMachine } from "./worker-machine.ts";
import type { World } from "./world.ts";

/** An engine with a thousand things to do. */
const ENGINE_MS_SLOW = 4_000;

/** How many answers in a row an engine loses at most. */
const ANSWERS_LOST_MAX = 5;

export const engineFaults = {
  "engine-down": {
    target: "worker",
    begin: (world, { on }) => trouble(world, on, (machine) => breakEngine(machine.engine, "down")),
  },
  /** It takes every question and answers none. */
  "engine-hung": {
    target: "worker",
    begin: (world, { on }) => trouble(world, on, (machine) => breakEngine(machine.engine, "hung")),
  },
  "engine-slow": {
    target: "worker",
    begin: (world, { on, level = 1 }) =>
      trouble(world, on, (machine) => {
        machine.engineMs = level * ENGINE_MS_SLOW;
      }),
  },
  /** It tells of nothing by itself. */
  "events-lost": {
    target: "worker",
    begin: (world, { on }) =>
      trouble(world, on, (machine) => {
        machine.engine.isMute = true;
      }),
  },
  /** It does what it is asked, and nobody hears the answer. */
  "engine-answers-lost": {
    target: "worker",
    begin: (world, { on, level = 1 }) =>
      trouble(world, on, (machine) => {
        machine.engine.lostAnswers = Math.ceil(level * ANSWERS_LOST_MAX);
      }),
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
        return () => mend(machine);
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

function trouble(world: World, on: string, begin: (machine: WorkerMachine) => void) {
  const machine = world.machines.get(on);
  if (!machine) return undefined;
  world.excused.add(on);
  begin(machine);
  return () => mend(machine);
}

function mend(machine: WorkerMachine): void {
  machine.engineMs = ENGINE_MS;
  machine.engine.isMute = false;
  machine.engine.lostAnswers = 0;
  mendEngine(machine.engine);
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
