import { type Amount, amountOf } from "../../core/placement/candidate.ts";
import { stateName } from "../../core/task-state.ts";
import { toMillis } from "../../core/time.ts";
import { offeredOf } from "../../core/worker-settings.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { WorkerAvailability, WorkerState } from "../../gen/berth/v1/worker_pb.ts";
import { type Family, labelText, type Point, single } from "../../lib/metrics/family.ts";
import type { LedgerView } from "./ledger.ts";
import { TASK_STATES } from "./meters.ts";
import type { PlacementBoard } from "./placement-board.ts";
import type { KnownWorker, WorkerTable } from "./worker-table.ts";

/** What of a manager can be measured at a moment. */
export type ManagerView = Readonly<{
  ledger: LedgerView;
  workers: Pick<WorkerTable, "all">;
  /** Of the one that leads: what it has promised to tasks. */
  board?: PlacementBoard;
}>;

/** Workers that have numbers of their own. The cost of a scrape must have an end. */
const WORKERS_MAX = 1_000;

/** What a manager that leads, or waits, tells at `nowMs`. Undefined: it does neither yet. */
export function managerFamilies(view: ManagerView | undefined, nowMs: number): readonly Family[] {
  const isLeader = view?.board !== undefined;
  const leader = gauge("berth_leader", "1 if this manager leads.", Number(isLeader));
  if (!view) return [leader];
  const workers = view.workers.all();
  const { ledger } = view;
  return [
    leader,
    gauge("berth_ledger_revision", "Latest change of the ledger.", Number(ledger.revision())),
    gauge("berth_ledger_epoch", "Number of the leadership.", Number(ledger.epoch)),
    ...taskFamilies(ledger),
    workerStates(workers, isLeader),
    gauge(
      "berth_workers_without_series",
      `Workers beyond the ${WORKERS_MAX} that have numbers of their own.`,
      Math.max(0, workers.length - WORKERS_MAX),
    ),
    ...workerFamilies(workers.slice(0, WORKERS_MAX), view, nowMs),
  ];
}

function taskFamilies({ tasks }: LedgerView): readonly Family[] {
  const counts = tasks.countByState();
  return [
    {
      name: "berth_tasks",
      kind: "gauge",
      help: "Tasks in the ledger, by state.",
      points: TASK_STATES.map((state) => ({
        labels: labelText({ state: stateName(state) }),
        value: counts.get(state) ?? 0,
      })),
    },
    gauge(
      "berth_scheduler_queue_depth",
      "Tasks that wait for a worker.",
      counts.get(TaskState.PENDING) ?? 0,
    ),
  ];
}

const WORKER_STATES = ["ready", "paused", "draining", "unlinked", "engine_down", "down"] as const;

function workerStates(workers: readonly KnownWorker[], isLeader: boolean): Family {
  const counts = new Map<string, number>(WORKER_STATES.map((state) => [state, 0]));
  for (const worker of workers) {
    const state = stateOf(worker, isLeader);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  const points = [...counts].map(([state, value]) => ({ labels: labelText({ state }), value }));
  return { name: "berth_workers", kind: "gauge", help: "Workers known, by state.", points };
}

/** Only the one that leads has links. */
function stateOf(worker: KnownWorker, isLeader: boolean): (typeof WORKER_STATES)[number] {
  const { presence, linked, record } = worker;
  if (presence.state !== WorkerState.UP) return "down";
  if (isLeader && !linked) return "unlinked";
  if (presence.metrics?.engineHealthy === false) return "engine_down";
  if (record.settings.availability === WorkerAvailability.PAUSED) return "paused";
  return record.settings.availability === WorkerAvailability.DRAINING ? "draining" : "ready";
}

const MILLIS = 1_000;

function workerFamilies(
  workers: readonly KnownWorker[],
  { ledger, board }: ManagerView,
  nowMs: number,
): readonly Family[] {
  const offered = amounts(
    workers,
    ({ presence, record }) =>
      presence.description && offeredOf(amountOf(presence.description.capacity), record.settings),
  );
  const reserved = amounts(workers, ({ workerId }) => board?.placer.candidate(workerId)?.reserved);
  return [
    {
      name: "berth_heartbeat_age_seconds",
      kind: "gauge",
      help: "Since a worker's latest heartbeat, as far as the manager was told.",
      points: workers.flatMap(({ workerId, presence }): Point[] => {
        if (presence.state !== WorkerState.UP || !presence.heardTime) return [];
        const value = Math.max(0, nowMs - toMillis(presence.heardTime)) / MILLIS;
        return [{ labels: labelText({ worker_id: workerId }), value }];
      }),
    },
    {
      name: "berth_worker_tasks",
      kind: "gauge",
      help: "Tasks with an attempt on a worker that has not ended.",
      points: workers.map(({ workerId }) => ({
        labels: labelText({ worker_id: workerId }),
        value: ledger.tasks.placedCount(workerId),
      })),
    },
    ...amountFamilies("allocatable", "What tasks may reserve on a worker", offered),
    ...amountFamilies("allocated", "What tasks have reserved on a worker", reserved),
  ];
}

type Amounts = readonly Readonly<{ labels: string; amount: Amount }>[];

const amounts = (
  workers: readonly KnownWorker[],
  amountFor: (worker: KnownWorker) => Amount | undefined,
): Amounts =>
  workers.flatMap((worker) => {
    const amount = amountFor(worker);
    return amount ? [{ labels: labelText({ worker_id: worker.workerId }), amount }] : [];
  });

const amountFamilies = (word: string, help: string, all: Amounts): readonly Family[] => [
  {
    name: `berth_worker_${word}_cpu_cores`,
    kind: "gauge",
    help: `${help}: CPUs.`,
    points: all.map(({ labels, amount }) => ({ labels, value: amount.cpuMillis / MILLIS })),
  },
  {
    name: `berth_worker_${word}_memory_bytes`,
    kind: "gauge",
    help: `${help}: memory.`,
    points: all.map(({ labels, amount }) => ({ labels, value: amount.memoryBytes })),
  },
];

const gauge = (name: string, help: string, value: number): Family =>
  single({ name, kind: "gauge", help }, value);
