import { OnDisconnect } from "../gen/berth/v1/task_pb.ts";
import type { FakeContainer } from "../services/worker/fake-runtime-engine.ts";
import type { Complain } from "./ledger-monitor.ts";
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

export function createEngineMonitor({ world, complain, placements }: Deps): EngineMonitor {
  const everMade = new Map<string, FakeContainer>();
  const started = new Map<string, string>();
  /** Containers made since the last look, and those that have not started yet. */
  const young = new Set<readonly [workerId: string, container: FakeContainer]>();

  for (const [workerId, { engine }] of world.machines) {
    const set = engine.containers.set.bind(engine.containers);
    engine.containers.set = (id, container) => {
      everMade.set(`${workerId} ${id}`, container);
      young.add([workerId, container]);
      return set(id, container);
    };
  }

  function checkStart(workerId: string, container: FakeContainer): void {
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
    if (spec.onDisconnect === OnDisconnect.STOP) checkSingle(container);
  }

  /** Of a task that must not run twice nothing else runs. */
  function checkSingle({ key, spec }: FakeContainer): void {
    for (const [workerId, { engine }] of world.machines)
      for (const other of engine.containers.values())
        if (other.key.taskId === key.taskId && other.key.attempt !== key.attempt)
          if (other.state.kind === "running" && !world.excused.has(workerId))
            complain("at-most-one", `${spec.name} runs as ${other.key.attempt} and ${key.attempt}`);
  }

  return {
    everMade,
    check() {
      for (const entry of young) {
        const [workerId, container] = entry;
        const { key, startCount, spec } = container;
        if (!placements.has(`${key.taskId}/${key.attempt}@${workerId}`))
          complain(
            "durable-first",
            `${spec.name}/${key.attempt} was made on ${workerId}, where it is not placed`,
          );
        if (container.state.kind === "created") continue;
        young.delete(entry);
        if (startCount > 0) checkStart(workerId, container);
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
