import { goodRunMs, goodRunOf } from "../../core/good-run.ts";
import type { GoodRun } from "../../gen/berth/v1/crash_report_pb.ts";
import type { Task } from "../../gen/berth/v1/task_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import { inSlices } from "../../lib/slices.ts";
import type { LedgerView } from "./ledger.ts";
import { createYoungest, type Youngest } from "./youngest.ts";

/** Tasks by their names, for who asks what else was called so. */
export interface Namesakes {
  /** The latest good run of another task of the same name. Undefined where none is known. */
  goodRun(task: Task): Promise<GoodNamesake | undefined>;
}

export type GoodNamesake = Readonly<{ goodRun: GoodRun; task: Task }>;

/** How many tasks of a name are looked at, the youngest first. */
const LOOKED_AT_MAX = 64;

type Deps = Readonly<{ ledger: Pick<LedgerView, "tasks" | "subscribe">; clock: Clock }>;

/** All tasks are read once, when somebody asks for the first time: most managers are never asked. */
export function createNamesakes({ ledger, clock }: Deps): Namesakes {
  let reading: Promise<Index> | undefined;

  async function read(): Promise<Index> {
    const index = createIndex();
    // First: what changes while it is read is in it too.
    ledger.subscribe((changes) => {
      for (const { task, removed } of changes) (removed ? index.remove : index.add)(task);
    });
    await inSlices(addAll(ledger.tasks.all(), index), clock, NEVER);
    return index;
  }

  function latestRun(taskIds: readonly string[], now: number): GoodNamesake | undefined {
    let latest: GoodNamesake | undefined;
    let latestMs = Number.NEGATIVE_INFINITY;
    for (const taskId of taskIds) {
      const other = ledger.tasks.get(taskId);
      const goodRun = other && goodRunOf(other, now);
      if (!goodRun || goodRunMs(goodRun, now) <= latestMs) continue;
      [latest, latestMs] = [{ goodRun, task: other }, goodRunMs(goodRun, now)];
      // None can be later than one that runs well now.
      if (latestMs === now) break;
    }
    return latest;
  }

  return {
    async goodRun(task) {
      if (!nameOf(task)) return undefined;
      reading ??= read();
      const index = await reading;
      return latestRun(index.youngest(task), clock.now());
    },
  };
}

/** It is for all who ask, so that none who leaves ends it. */
const NEVER = new AbortController().signal;

type Index = ReturnType<typeof createIndex>;

/** Undefined where a task has no name of its own. */
const nameOf = ({ id, spec }: Task): string | undefined =>
  spec?.name === id ? undefined : spec?.name || undefined;

function createIndex() {
  const byName = new Map<string, Youngest>();
  return {
    add(task: Task): void {
      const name = nameOf(task);
      if (!name) return;
      const ids = byName.get(name) ?? createYoungest(LOOKED_AT_MAX);
      byName.set(name, ids);
      ids.add(task.id);
    },
    remove(task: Task): void {
      const name = nameOf(task) ?? "";
      const ids = byName.get(name);
      ids?.remove(task.id);
      if (ids?.size === 0) byName.delete(name);
    },
    /** The others of the task's name, the youngest first. */
    youngest: (task: Task): readonly string[] =>
      (byName.get(nameOf(task) ?? "")?.list() ?? []).filter((taskId) => taskId !== task.id),
  };
}

function* addAll(tasks: Iterable<Task>, index: Index): Generator<undefined, void, undefined> {
  for (const task of tasks) {
    index.add(task);
    yield undefined;
  }
}
