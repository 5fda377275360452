import { OnDisconnect } from "../gen/berth/v1/task_pb.ts";
import type { FakeContainer } from "../services/worker/fake-runtime-engine.ts";
import type { Complain } from "./complain.ts";
import type { World } from "./world.ts";

/** Watches every container that is ever made. */
export interface EngineMonitor {
  /** Every container there ever was, by its ID and its worker. */
  readonly everMade: ReadonlyMap<string, FakeContainer>;
  /** Looks at what engines have begun since the last look. */
  check(): void;
  /** Looks at all that ever was. */
  checkAll(): void;
}

type Deps = Readonly<{
  world: World;
  complain: Complain;
  placements: ReadonlySet<string>;
}>;

/** A container, and the worker on whose machine it was made. */
type Made = Readonly<{ workerId: string; container: FakeContainer }>;

export function createEngineMonitor({ world, complain, placements }: Deps): EngineMonitor {
  const everMade = new Map<string, FakeContainer>();
  /** Containers made since the last look, and those that have not started yet. */
  const young = new Set<Made>();
  const checkStart = createStartLaw(world, complain);

  for (const [workerId, { engine }] of world.machines) {
    const set = engine.containers.set.bind(engine.containers);
    engine.containers.set = (id, container) => {
      everMade.set(`${workerId} ${id}`, container);
      young.add({ workerId, container });
      return set(id, container);
    };
  }

  function checkPlaced({ workerId, container }: Made): void {
    const { key, spec } = container;
    if (placements.has(`${key.taskId}/${key.attempt}@${workerId}`)) return;
    const what = `${spec.name}/${key.attempt} was made on ${workerId}`;
    complain("durable-first", `${what}, where it is not placed`);
  }

  return {
    everMade,
    check() {
      for (const made of young) {
        const { state, startCount } = made.container;
        checkPlaced(made);
        if (state.kind === "created") continue;
        young.delete(made);
        if (startCount > 0) checkStart(made);
      }
    },
    checkAll() {
      for (const [where, { startCount, key }] of everMade)
        if (startCount > 1)
          complain(
            "started-once",
            `${key.taskId}/${key.attempt} (${where}) was started ${startCount} times`,
          );
    },
  };
}

/** An attempt is started by one worker, in one container. */
function createStartLaw(world: World, complain: Complain): (made: Made) => void {
  const started = new Map<string, string>();
  return ({ workerId, container }) => {
    const { key, spec } = container;
    const attempt = `${key.taskId}/${key.attempt}`;
    const where = `${workerId} ${container.id}`;
    const before = started.get(attempt);
    if (before !== undefined && before !== where)
      complain(
        "started-once",
        `${spec.name}/${key.attempt} was started by ${before}, then ${where}`,
      );
    started.set(attempt, where);
    if (spec.onDisconnect === OnDisconnect.STOP) checkSingle(container, world, complain);
  };
}

/** Of a task that must not run twice nothing else runs, where workers can keep that promise. */
function checkSingle({ key, spec }: FakeContainer, world: World, complain: Complain): void {
  for (const [workerId, { engine }] of world.machines) {
    if (world.excused.has(workerId)) continue;
    for (const other of engine.containers.values())
      if (isTwin(key, other))
        complain("at-most-one", `${spec.name} runs as ${other.key.attempt} and ${key.attempt}`);
  }
}

/** Whether a container runs another attempt of the same task. */
const isTwin = ({ taskId, attempt }: FakeContainer["key"], { key, state }: FakeContainer) =>
  key.taskId === taskId && key.attempt !== attempt && state.kind === "running";
