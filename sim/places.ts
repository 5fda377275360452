import type { Attempt, Task } from "../gen/berth/v1/task_pb.ts";
import { WorkerAvailability } from "../gen/berth/v1/worker_pb.ts";
import type { Batch } from "../lib/store/store.ts";
import { prefixes, readWorker } from "../services/manager/ledger-records.ts";
import { whyNotThere } from "./asks.ts";
import type { Complain } from "./complain.ts";

/** Where attempts were placed, and which workers take any. */
export interface Places {
  /** Every attempt that was ever placed: `task/number@worker`. */
  readonly placements: ReadonlySet<string>;
  /** Whether a worker takes tasks, by its settings. */
  isOpen(workerId: string): boolean;
  add(task: Task, attempt: Attempt): void;
  /** Takes in the workers' settings among the writes of a batch, and meanwhile its tasks. */
  settle(writes: Batch["writes"], takeTasks: () => void): void;
}

export function createPlaces(complain: Complain): Places {
  const placements = new Set<string>();
  /** Workers that take no new tasks. */
  const closed = new Set<string>();
  return {
    placements,
    isOpen: (workerId) => !closed.has(workerId),
    add({ id, spec }, { number, placement }) {
      if (!placement) return;
      const name = `${id}/${number}@${placement.workerId}`;
      if (placements.has(name)) return;
      placements.add(name);
      if (closed.has(placement.workerId))
        complain("settings-heeded", `${name} was placed on a worker that takes no tasks`);
      const why = whyNotThere(placement.workerId, spec);
      if (why) complain("asks-heeded", `${name} was placed against its constraints: ${why}`);
    },
    settle(writes, takeTasks) {
      // Of what went to disk together nobody can tell the order, and of several settings of one
      // worker only the last is left: while they change, nothing is known to be forbidden.
      const settings = settingsIn(writes);
      for (const [workerId] of settings) closed.delete(workerId);
      takeTasks();
      for (const [workerId, isOpen] of settings) if (!isOpen) closed.add(workerId);
    },
  };
}

/** The workers whose settings were written, and whether they take tasks. */
const settingsIn = (writes: Batch["writes"]): readonly (readonly [string, boolean])[] =>
  writes.flatMap((write) => {
    if (write.kind === "delete" || !write.key.startsWith(prefixes.worker)) return [];
    const [workerId, { settings }] = readWorker({ ...write, revision: 0n });
    return [[workerId, settings.availability === WorkerAvailability.ACTIVE] as const];
  });
