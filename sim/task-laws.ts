import { type Attempt, DesiredState, type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import type { Complain } from "./complain.ts";
import { checkBackoff, checkRestart, createWindowLaw } from "./restart-laws.ts";

/** What is on disk of a task, one after the other. */
export type Versions = Readonly<{ before: Task; after: Task }>;

/** The attempts that may run: the current one, and its successor while the task moves. */
export const authorised = ({ attempt, successor }: Task): readonly Attempt[] =>
  [attempt, successor].filter((each) => each !== undefined);

/** Judges what becomes of tasks. `nowMs`: the world's time; without it waits are not judged. */
export function createTaskLaws(
  complain: Complain,
  nowMs: () => number | undefined,
): (versions: Versions) => void {
  const checkWindow = createWindowLaw(complain);
  return (versions) => {
    compare(versions, complain);
    const now = nowMs();
    if (now === undefined) return;
    checkWindow(versions, now);
    checkBackoff(versions, complain);
  };
}

function compare({ before, after }: Versions, complain: Complain): void {
  const name = after.spec?.name ?? "";
  if (after.desiredState < before.desiredState)
    complain("acks-kept", `${name} is wished less than before`);
  const [was, is] = [before.attempt?.number ?? 0, after.attempt?.number ?? 0];
  if (is < was) complain("attempts-grow", `${name} went from attempt ${was} back to ${is}`);
  if (is === was) compareAttempt({ before, after }, complain);
  if (is > was) compareGenerations({ before, after }, complain);
}

const { PENDING, SCHEDULED, STARTING, RUNNING, STOPPING } = TaskState;
const { COMPLETED, STOPPED, FAILED, LOST } = TaskState;
const ENDS = [COMPLETED, STOPPED, FAILED, LOST];

/** Every move there is. Written down here once more, so that a change of the other is noticed. */
const MOVES: ReadonlyMap<TaskState, readonly TaskState[]> = new Map([
  [PENDING, [SCHEDULED, STARTING, RUNNING, STOPPING, ...ENDS]],
  [SCHEDULED, [STARTING, RUNNING, STOPPING, ...ENDS]],
  [STARTING, [RUNNING, STOPPING, ...ENDS]],
  [RUNNING, [STOPPING, ...ENDS]],
  [STOPPING, [STOPPED, FAILED, LOST]],
]);

function compareAttempt({ before, after }: Versions, complain: Complain): void {
  const what = `${after.spec?.name}/${after.attempt?.number}`;
  if (before.state !== after.state && !MOVES.get(before.state)?.includes(after.state))
    complain(
      "states-go-forward",
      `${what} went from ${TaskState[before.state]} to ${TaskState[after.state]}`,
    );
  const [was, is] = [before.attempt?.placement?.workerId, after.attempt?.placement?.workerId];
  if (was !== undefined && was !== is)
    complain("attempts-stay", `${what} went from ${was} to ${is}`);
}

/** A new attempt follows one that has ended, and only as often as the policy allows. */
function compareGenerations({ before, after }: Versions, complain: Complain): void {
  const name = after.spec?.name ?? "";
  const ended = after.pastAttempts.find(({ number }) => number === before.attempt?.number);
  const endState = ended?.status?.state ?? before.state;
  const isMove = before.successor?.number === after.attempt?.number;
  if (!isMove && ended?.placement && endState < COMPLETED)
    complain(
      "one-attempt",
      `${name} has attempt ${after.attempt?.number}, and the one before is ${TaskState[endState]}`,
    );
  if (before.desiredState !== DesiredState.RUN && !isMove)
    complain("wishes-heeded", `${name} got a new attempt though nobody wants it to run`);
  const restarts = after.restartCount - before.restartCount;
  if (restarts < 0 || restarts > 1)
    complain("restart-budget", `${name} was restarted ${restarts} times at once`);
  if (restarts === 1) checkRestart(after, ended, complain);
}
