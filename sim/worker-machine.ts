import { create } from "@bufbuild/protobuf";
import { TaskSpecSchema } from "../gen/berth/v1/task_pb.ts";
import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import {
  createFakeEngine,
  exitContainer,
  type FakeEngine,
  makeContainer,
  startContainer,
} from "../services/worker/fake-runtime-engine.ts";
import type { StateFile, StateFolder } from "../services/worker/state-folder.ts";
import type { Process, VirtualTime } from "./virtual-clock.ts";

/** What of a worker's machine outlives its worker: the container engine and its files. */
export type WorkerMachine = {
  readonly engine: FakeEngine;
  /** A container of somebody else's. */
  readonly strangerId: string;
  /** The texts of the files in its state folder. */
  readonly files: Map<string, string>;
  /** Whether nothing can be written. */
  isDiskFull: boolean;
  /** How long the engine takes over each call at most. */
  engineMs: number;
  /** How likely it is that nobody hears what the engine answers. */
  answersLost: number;
  /** Called with each verb that the engine has been asked for. */
  onAsked: ((verb: string) => void) | undefined;
};

/** Has all processes of a machine's containers end, as they do when it loses power. */
export function killContainers({ engine }: WorkerMachine): void {
  for (const container of engine.containers.values())
    if (container.owner.clusterId !== STRANGER.clusterId)
      exitContainer(engine, container, { exitCode: EXIT_KILLED, oomKilled: false });
}

/** What an engine reports of a process that it finds gone. */
const EXIT_KILLED = 137;

/** An engine that has little to do. */
export const ENGINE_MS = 5;

/** How long a small file takes to be on disk at most. */
const FILE_MS = 3;

export function createWorkerMachine(clock: Clock): WorkerMachine {
  const engine = createFakeEngine(clock);
  const strangerId = addStranger(engine);
  const mood = { engineMs: ENGINE_MS, answersLost: 0, onAsked: undefined };
  return { engine, strangerId, files: new Map(), isDiskFull: false, ...mood };
}

/** Another cluster on the same machine. */
export const STRANGER = { clusterId: "stranger", workerId: "stranger" } as const;

function addStranger(engine: FakeEngine): string {
  const spec = create(TaskSpecSchema, { name: "stranger", image: "web:1" });
  const behaviour = engine.behaviourOf(spec.image);
  const key = { taskId: "stranger", attempt: 1 };
  const container = makeContainer(engine, { key, owner: STRANGER, spec, behaviour });
  startContainer(engine, container);
  return container.id;
}

/** One life of the worker on a machine. */
export type MachineLife = Readonly<{
  time: VirtualTime;
  world: Process;
  process: Process;
  random: Random;
  /** Aborts when the process dies. */
  death: AbortSignal;
}>;

/** The worker's files, as one life of the worker has them. */
export const stateFolderFor = (machine: WorkerMachine, life: MachineLife): StateFolder => ({
  identity: stateFileFor("worker.json", machine, life),
  verdicts: stateFileFor("verdicts.json", machine, life),
});

function stateFileFor(
  path: string,
  machine: WorkerMachine,
  { time, world, process, random }: MachineLife,
): StateFile {
  return {
    path,
    read: () =>
      new Promise((resolve) => {
        time.schedule(process, 0, () => resolve(machine.files.get(path)));
      }),
    write: (text) =>
      new Promise((resolve, reject) => {
        time.schedule(world, random() * FILE_MS, () => {
          const isFull = machine.isDiskFull;
          if (!isFull) machine.files.set(path, text);
          time.schedule(process, 0, () =>
            isFull ? reject(new Error("no space left on device")) : resolve(),
          );
        });
      }),
  };
}

/** The epoch in a worker's file. */
export function storedEpochOf({ files }: WorkerMachine): bigint {
  const text = files.get("worker.json");
  const { epoch = "0" } = text === undefined ? {} : JSON.parse(text);
  return BigInt(epoch);
}
