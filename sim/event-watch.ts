import { type Attempt, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { auditStrangers } from "./audit-containers.ts";
import { auditLoad } from "./audit-load.ts";
import type { Complain } from "./complain.ts";
import { createEngineMonitor } from "./engine-monitor.ts";
import { createRunHash } from "./hash.ts";
import type { LedgerMonitor } from "./ledger-monitor.ts";
import { createReportMonitor } from "./report-monitor.ts";
import { authorised } from "./task-laws.ts";
import type { World } from "./world.ts";

/** Looks at the world after every single event. */
export interface EventWatch {
  afterEach(): void;
  /** Looks at what takes too long to be looked at after each. */
  afterAll(): void;
  /** Of everything that was seen, in order. */
  hash(): string;
}

type Deps = Readonly<{
  world: World;
  ledger: LedgerMonitor;
  /** Tasks that have changed on disk and were not looked at yet. */
  changed: Task[];
  complain: Complain;
  isTraced: boolean;
}>;

/** Far more than any plan needs: something goes round and round. */
const EVENTS_MAX = 400_000;

export function createEventWatch({ world, ledger, changed, complain, isTraced }: Deps): EventWatch {
  const { time, trace, bugs } = world;
  const hash = createRunHash();
  const engines = createEngineMonitor({ world, complain, placements: ledger.placements });
  const judgeReports = createReportMonitor({ world, engines, complain });

  function lookAt(task: Task): void {
    hash.mix(Number(task.revision));
    judgeReports(task);
    authorised(task).forEach(lookAtLoad);
    if (isTraced) trace.note("ledger", textOf(task));
  }

  function lookAtLoad({ placement }: Attempt): void {
    if (!placement) return;
    for (const text of auditLoad(placement.workerId, ledger)) complain("reservations-fit", text);
  }

  return {
    hash: hash.text,
    afterEach() {
      hash.mix(time.elapsedMs());
      hash.mix(time.eventCount());
      if (changed.length > 0) changed.splice(0).forEach(lookAt);
      engines.check();
      for (const bug of bugs.splice(0)) complain("no-crash", bug);
      if (time.eventCount() > EVENTS_MAX) complain("no-busy-loop", `${EVENTS_MAX} events`);
    },
    afterAll() {
      engines.checkAll();
      for (const text of auditStrangers(world)) complain("strangers-untouched", text);
    },
  };
}

const textOf = ({ spec, state, attempt, desiredState, revision, waitingReason }: Task): string =>
  `${spec?.name}/${attempt?.number} ${TaskState[state]} wish ${desiredState} @${revision} ` +
  `${attempt?.placement?.workerId ?? ""} ${attempt?.status?.message ?? ""} ` +
  `${attempt?.status?.failure?.message ?? ""} ${waitingReason}`;
