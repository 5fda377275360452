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
      tamper(world, step, ({ engine }, { key }) => exitProcess(engine, key, 9)),
  },
  "container-out-of-memory": {
    target: "task",
    begin: (world, step) =>
      tamper(world, step, ({ engine }, container) =>
        exitContainer(engine, container, { exitCode: 137, oomKilled: true }),
      ),
  },
  "container-removed": {
    target: "task",
    begin: (world, step) =>
      tamper(world, step, ({ engine }, { key }) => removeByForce(engine, key)),
  },
  /** The engine goes, a container exits meanwhile, the engine comes back. */
  "exit-while-engine-down": {
    target: "task",
    begin: (world, step) =>
      tamper(world, step, (machine, { key }) => {
        breakEngine(machine.engine, "down");
        exitProcess(machine.engine, key, 9);
        return () => mend(machine);
      }),
  },
  /** The worker goes, a container exits meanwhile, the worker comes back. */
  "exit-while-worker-down": {
    target: "task",
    begin: (world, step) =>
      tamper(world, step, (machine, { key }, workerId) => {
        world.parts.get(workerId)?.crash(false);
        exitProcess(machine.engine, key, 9);
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

type Tampering = (
  machine: WorkerMachine,
  container: FakeContainer,
  workerId: string,
) => (() => void) | undefined;

/** Does something to a container of a task, if it has a running one. */
function tamper(world: World, { on }: FaultStep, act: (...args: Parameters<Tampering>) => unknown) {
  for (const [workerId, machine] of world.machines)
    for (const container of machine.engine.containers.values())
      if (container.spec.name === on && container.state.kind === "running") {
        world.tampered.add(on);
        world.excused.add(workerId);
        const end = act(machine, container, workerId);
        return typeof end === "function" ? () => void end() : undefined;
      }
  return undefined;
}
