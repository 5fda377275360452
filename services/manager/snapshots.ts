import { type Action, reconcileSnapshot } from "../../core/reconcile.ts";
import type {
  AttemptReport,
  WorkerServiceWatchTasksResponse_Snapshot,
} from "../../gen/berth/v1/worker_service_pb.ts";
import type { Ledger } from "./ledger.ts";

/** What a complete snapshot says. */
export type Comparison = Readonly<{
  /** What brings ledger and worker together. */
  actions: readonly Action[];
  attemptCount: number;
  /** Attempts that the worker should hold and did not show in the snapshot before either. */
  missing: readonly AttemptName[];
  isFirst: boolean;
}>;

export interface Snapshots {
  /** Takes a part. Undefined until the last one of a snapshot has come. */
  take(part: WorkerServiceWatchTasksResponse_Snapshot): Comparison | undefined;
}

type AttemptName = Readonly<{ taskId: string; attempt: number }>;

/**
 * Puts the parts of a worker's snapshots together and compares each whole one with the ledger.
 *
 * The first one of a link is taken at its word: nothing has been pushed over the link yet. A later
 * one may cross a push, so an attempt counts as missing once two in a row lack it. A push is
 * answered in seconds, and snapshots are a minute apart.
 */
export function createSnapshots(workerId: string, { tasks }: Pick<Ledger, "tasks">): Snapshots {
  const lookup = (taskId: string) => tasks.get(taskId);
  let parts: AttemptReport[] = [];
  /** What the snapshot before lacked. Undefined before the first. */
  let lacked: ReadonlySet<string> | undefined;

  function compare(reports: readonly AttemptReport[]): Comparison {
    const held = new Set(reports.map(keyOf));
    const actions = reconcileSnapshot(workerId, reports, {
      lookup,
      tasksOn: tasks.placedOn(workerId),
    });
    const isAbsence = (action: Action): action is AbsenceAction =>
      (action.kind === "start" || action.kind === "vanish") && !held.has(keyOf(action));
    const absent = actions.filter(isAbsence);
    const before = lacked;
    lacked = new Set(absent.map(keyOf));
    const attemptCount = reports.length;
    if (!before) return { actions, attemptCount, missing: [], isFirst: true };
    const isMissing = (action: AttemptName) => before.has(keyOf(action));
    return {
      actions: actions.filter((action) => !isAbsence(action) || isMissing(action)),
      attemptCount,
      missing: absent.filter(isMissing).map(({ taskId, attempt }) => ({ taskId, attempt })),
      isFirst: false,
    };
  }

  return {
    take({ reports, complete }) {
      parts.push(...reports);
      if (!complete) return undefined;
      const whole = parts;
      parts = [];
      return compare(whole);
    },
  };
}

type AbsenceAction = Extract<Action, { kind: "start" | "vanish" }>;

const keyOf = ({ taskId, attempt }: AttemptName) => `${taskId}/${attempt}`;
