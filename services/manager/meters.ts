import { isTerminal, stateName } from "../../core/task-state.ts";
import { toMillis } from "../../core/time.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { type Family, single } from "../../lib/metrics/family.ts";
import { createHistogram, type Histogram, SECONDS } from "../../lib/metrics/histogram.ts";
import { createTally } from "../../lib/metrics/tally.ts";
import type { LedgerChange } from "./ledger-change.ts";

/** What a manager counts as it happens, in plain numbers, over all times that it leads. */
export interface Meters {
  /** Of commits to the store. */
  readonly commitSeconds: Histogram;
  /** The scheduler looked at tasks that wait. */
  pass(durationMs: number): void;
  placed(): void;
  /** No worker could take a task, most of them for this filter's sake. */
  unplaced(filter: string | undefined): void;
  /** Changes have become durable. */
  note(changes: readonly LedgerChange[]): void;
  families(): readonly Family[];
}

/** From a task's creation to its first attempt's start: an image may have to be pulled. */
const START_SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** States that tasks are in. */
export const TASK_STATES: readonly TaskState[] = Object.values(TaskState).filter(
  (state) => typeof state === "number" && state !== TaskState.UNSPECIFIED,
) as TaskState[];

export function createMeters(): Meters {
  const commitSeconds = createHistogram(SECONDS);
  const passSeconds = createHistogram(SECONDS);
  const startSeconds = createHistogram(START_SECONDS);
  const failures = createTally();
  const moves = createTally(TASK_STATES.map(stateName));
  let placementCount = 0;
  let restartCount = 0;

  function noteOne({ task, event, removed }: LedgerChange): void {
    const { fromState, toState, attempt } = event;
    if (removed || fromState === toState) return;
    moves.add(stateName(toState));
    if (toState === TaskState.PENDING && isTerminal(fromState)) restartCount++;
    if (toState !== TaskState.RUNNING || attempt !== 1 || !task.createTime || !event.time) return;
    startSeconds.observe((toMillis(event.time) - toMillis(task.createTime)) / 1_000);
  }

  return {
    commitSeconds,
    pass: (durationMs) => passSeconds.observe(durationMs / 1_000),
    placed: () => void placementCount++,
    unplaced: (filter = "no_workers") => failures.add(filter),
    note: (changes) => changes.forEach(noteOne),
    families: () => [
      histogram("berth_scheduling_duration_seconds", "Passes over tasks that wait.", passSeconds),
      histogram("berth_store_commit_duration_seconds", "Commits to the store.", commitSeconds),
      histogram(
        "berth_task_start_duration_seconds",
        "From a task's creation until its first attempt runs.",
        startSeconds,
      ),
      counter("berth_placements_total", "Attempts that were given a worker.", placementCount),
      counter("berth_task_restarts_total", "Attempts after one that ended.", restartCount),
      {
        name: "berth_placement_failures_total",
        kind: "counter",
        help: "Decisions that no worker can take a task, by the filter that excluded most.",
        points: failures.points("reason"),
      },
      {
        name: "berth_task_transitions_total",
        kind: "counter",
        help: "Changes of tasks' states, by the state after.",
        points: moves.points("to"),
      },
    ],
  };
}

const histogram = (name: string, help: string, values: Histogram): Family => ({
  name,
  kind: "histogram",
  help,
  points: values.points(""),
});

const counter = (name: string, help: string, value: number): Family =>
  single({ name, kind: "counter", help }, value);
