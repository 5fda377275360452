import { metaKeys } from "../core/assignment-place.ts";
import type { Task } from "../gen/berth/v1/task_pb.ts";
import type { Batch } from "../lib/store/store.ts";
import { prefixes, readTask, readText } from "../services/manager/ledger-records.ts";
import type { Complain } from "./complain.ts";
import { createPlaces } from "./places.ts";
import { authorised, createTaskLaws } from "./task-laws.ts";

/** What is on the manager's disk, followed change by change. */
export interface LedgerMonitor {
  /** The tasks as they are on disk. */
  readonly tasks: ReadonlyMap<string, Task>;
  /** By name: names are unique in a plan. */
  byName(name: string): Task | undefined;
  /** Whether a worker takes tasks, by its settings. */
  isOpen(workerId: string): boolean;
  /** Every attempt that was ever placed: `task/number@worker`. */
  readonly placements: ReadonlySet<string>;
  /** Names of the tasks that were ever on disk. */
  readonly everStored: ReadonlySet<string>;
  /** Takes in what has just become durable. */
  take(batch: Batch): void;
}

export function createLedgerMonitor(
  complain: Complain,
  /** The world's own time; undefined once a calendar has been wrong. */
  nowMs: () => number | undefined,
  events: Readonly<{ onChange: (task: Task) => void; onGone: (task: Task) => void }>,
): LedgerMonitor {
  const tasks = new Map<string, Task>();
  const ids = new Map<string, string>();
  const everStored = new Set<string>();
  const places = createPlaces(complain);
  const checkEpoch = createEpochLaw(complain);
  const judge = createTaskLaws(complain, nowMs);

  function takeTask(write: Writes[number]): void {
    if (write.kind === "put") put(readTask({ ...write, revision: 0n }));
    else remove(write.key.slice(prefixes.task.length));
  }

  function put(after: Task): void {
    const before = tasks.get(after.id);
    if (before && after.revision <= before.revision)
      complain("revisions-grow", `${after.spec?.name} was written at ${after.revision} again`);
    identify(after);
    for (const attempt of authorised(after)) places.add(after, attempt);
    if (before) judge({ before, after });
    tasks.set(after.id, after);
    events.onChange(after);
  }

  /** A request that is made again makes no second task. */
  function identify({ id, spec }: Task): void {
    const name = spec?.name ?? "";
    const known = ids.get(name);
    if (known !== undefined && known !== id)
      complain("request-ids", `${name} was made twice: ${known} and ${id}`);
    ids.set(name, id);
    everStored.add(name);
  }

  function remove(id: string): void {
    const task = tasks.get(id);
    if (!task) return;
    tasks.delete(id);
    events.onGone(task);
  }

  return {
    tasks,
    placements: places.placements,
    everStored,
    byName: (name) => tasks.get(ids.get(name) ?? ""),
    isOpen: places.isOpen,
    take({ writes }) {
      checkEpoch(writes);
      places.settle(writes, () => {
        for (const write of writes) if (write.key.startsWith(prefixes.task)) takeTask(write);
      });
    },
  };
}

type Writes = Batch["writes"];

/** Every manager begins a new epoch. */
function createEpochLaw(complain: Complain): (writes: Writes) => void {
  let epoch = 0n;
  return (writes) => {
    for (const write of writes) {
      if (write.key !== metaKeys.epoch || write.kind === "delete") continue;
      const next = BigInt(readText({ ...write, revision: 0n }) ?? 0);
      if (next <= epoch) complain("epochs-fence", `epoch ${next} begins after ${epoch}`);
      epoch = next;
    }
  };
}
