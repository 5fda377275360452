import { create } from "@bufbuild/protobuf";
import { beginMove, leave, whyNotMovable } from "../../../core/move.ts";
import { observe } from "../../../core/observe.ts";
import {
  requestRemoval,
  requestStop,
  schedule,
  submit,
  type TaskChange,
  wait,
  workerOf,
} from "../../../core/task-change.ts";
import { isTerminal } from "../../../core/task-state.ts";
import { PlacementSchema } from "../../../gen/berth/v1/placement_pb.ts";
import { RestartMode, type Task, TaskState } from "../../../gen/berth/v1/task_pb.ts";
import type { Random } from "../../../lib/random.ts";
import { aSpec, aStatus } from "../../../test/builders.ts";
import type { Ledger } from "../ledger.ts";

const WORKERS = ["w1", "w2", "w3"];
const { STARTING, RUNNING, COMPLETED, STOPPED, FAILED, LOST } = TaskState;

/** What a random history draws. */
function createDice(random: Random) {
  const below = (limit: number): number => Math.floor(random() * limit);
  const oneOf = <T>(values: readonly T[]): T => values[below(values.length)] as T;
  return { random, below, oneOf };
}

type Dice = ReturnType<typeof createDice>;

/** Things that happen to a cluster, one after the other, as users, scheduler and workers do them. */
export function createRandomHistory(random: Random) {
  const dice = createDice(random);
  let made = 0;

  function newTask(now: number): TaskChange {
    const id = `t${String(made++).padStart(4, "0")}`;
    const mode = dice.oneOf([RestartMode.NO, RestartMode.ON_FAILURE, RestartMode.ALWAYS]);
    const labels = { app: dice.oneOf(["a", "b"]) };
    return submit(id, aSpec({ restartPolicy: { mode }, labels, env: { KEY: id } }, id), now);
  }

  return {
    /** Commits what happens now: to one task, or to several at once. Durable once it resolves. */
    async happen(ledger: Ledger, now: number): Promise<void> {
      const durable: Promise<void>[] = [];
      for (let count = 1 + dice.below(4); count > 0; count--) {
        const tasks = [...ledger.tasks.all()];
        const isNew = tasks.length < 3 || random() < 0.15;
        durable.push(ledger.commit(isNew ? [newTask(now)] : step(dice.oneOf(tasks), now, dice)));
      }
      await Promise.all(durable);
    },
  };
}

/** What somebody does to a task, out of twelve things; half of them is a report of a worker. */
function step(task: Task, now: number, dice: Dice): readonly TaskChange[] {
  const deeds: readonly (() => readonly TaskChange[])[] = [
    () => requestRemoval(task, now),
    () => requestStop(task, { grace: undefined, now }),
    () => (isTerminal(task.state) ? requestRemoval(task, now) : []),
    () => (task.state === TaskState.PENDING ? wait(task, `waits since ${now}`, now) : []),
    () => (task.state === RUNNING ? [leave(task, "drains", now)] : []),
    () => moveAway(task, now, dice),
  ];
  const deed = deeds[dice.below(2 * deeds.length)];
  return deed?.() ?? goOn(task, now, dice);
}

const placementBy = ({ oneOf, below }: Dice) =>
  create(PlacementSchema, { workerId: oneOf(WORKERS), scheduler: "spread", score: below(100) });

const goOn = (task: Task, now: number, dice: Dice): readonly TaskChange[] =>
  task.state === TaskState.PENDING
    ? [schedule(task, placementBy(dice), now)]
    : report(task, now, dice);

function report(task: Task, now: number, { oneOf, random }: Dice): readonly TaskChange[] {
  const attempt = oneOf([task.attempt, task.successor, ...task.pastAttempts])?.number ?? 1;
  const state = oneOf([STARTING, RUNNING, RUNNING, COMPLETED, STOPPED, FAILED, LOST]);
  const words = { containerId: `c${attempt}`, message: `at ${now}`, ready: state === RUNNING };
  return observe(task, { attempt, status: aStatus(state, words), now, jitter: random() });
}

function moveAway(task: Task, now: number, dice: Dice): readonly TaskChange[] {
  const placement = placementBy(dice);
  const canMove = whyNotMovable(task) === undefined && workerOf(task) !== placement.workerId;
  return canMove ? [beginMove(task, { placement, reason: "drains", now })] : [];
}
