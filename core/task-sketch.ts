import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { attemptsOf, isLive } from "./live-attempts.ts";
import {
  type Cursor,
  createTextReader,
  fieldOf,
  readEnd,
  readVarint,
  skip,
} from "./protobuf-cursor.ts";
import { isFinished } from "./retention.ts";
import { isPlaced, isTerminal } from "./task-state.ts";
import { toMillis } from "./time.ts";

/** What indexes need to know of a task. */
export type TaskSketch = Readonly<{
  id: string;
  state: TaskState;
  /** Workers that one of its attempts occupies. */
  workerIds: readonly string[];
  isFinished: boolean;
  /** When it last changed, in milliseconds since the Unix epoch. */
  updateMs: number;
}>;

export const sketchOf = (task: Task): TaskSketch => ({
  id: task.id,
  state: task.state,
  workerIds: attemptsOf(task)
    .filter(isLive)
    .map(({ workerId }) => workerId),
  isFinished: isFinished(task),
  updateMs: task.updateTime ? toMillis(task.updateTime) : 0,
});

/**
 * Reads the sketches of encoded tasks: what `sketchOf` says of the decoded ones, for a tenth of the
 * work. A manager that starts with many tasks has to wait for no more than this. The ID is that of
 * the task, which who stored it knows.
 */
export function createSketchReader(): (id: string, bytes: Uint8Array) => TaskSketch {
  const readText = createTextReader();
  return (id, bytes) => {
    const { state, current, successor, past, updateMs } = readTask(
      { bytes, position: 0 },
      readText,
    );
    const others = successor ? [successor, ...past] : past;
    const occupants = current ? [{ ...current, state }, ...others] : others;
    return {
      id,
      state,
      workerIds: occupants.filter(isOccupying).map(({ workerId }) => workerId),
      isFinished: isTerminal(state) && successor === undefined,
      updateMs,
    };
  };
}

type ReadText = ReturnType<typeof createTextReader>;

/** An attempt, as far as it matters to its worker. */
type Occupant = Readonly<{ workerId: string; state: TaskState }>;

const isOccupying = ({ workerId, state }: Occupant): boolean => workerId !== "" && isPlaced(state);

// The numbers of fields below are those of proto/berth/v1; a test compares with the decoder.

function readTask(cursor: Cursor, readText: ReadText) {
  const found = {
    state: TaskState.UNSPECIFIED as TaskState,
    current: undefined as Occupant | undefined,
    successor: undefined as Occupant | undefined,
    past: [] as Occupant[],
    updateMs: 0,
  };
  while (cursor.position < cursor.bytes.length) {
    const tag = readVarint(cursor);
    switch (fieldOf(tag)) {
      case 4:
        found.state = readVarint(cursor);
        break;
      case 5:
        found.current = readAttempt(cursor, readText);
        break;
      case 6:
        found.past.push(readAttempt(cursor, readText));
        break;
      case 12:
        found.updateMs = readMillis(cursor);
        break;
      case 14:
        found.successor = readAttempt(cursor, readText);
        break;
      default:
        skip(cursor, tag);
    }
  }
  return found;
}

function readAttempt(cursor: Cursor, readText: ReadText): Occupant {
  const end = readEnd(cursor);
  let workerId = "";
  // What is placed is scheduled until its worker has said more.
  let state: TaskState = TaskState.SCHEDULED;
  while (cursor.position < end) {
    const tag = readVarint(cursor);
    if (fieldOf(tag) === 2) workerId = readFirst(cursor, readText) ?? "";
    else if (fieldOf(tag) === 3) state = readFirst(cursor, readVarint) || TaskState.SCHEDULED;
    else skip(cursor, tag);
  }
  return { workerId, state };
}

/** Field 1 of a message: the worker ID of a placement, the state of a status. */
function readFirst<T>(cursor: Cursor, read: (cursor: Cursor) => T): T | undefined {
  const end = readEnd(cursor);
  let value: T | undefined;
  while (cursor.position < end) {
    const tag = readVarint(cursor);
    if (fieldOf(tag) === 1) value = read(cursor);
    else skip(cursor, tag);
  }
  return value;
}

/** A Timestamp. */
function readMillis(cursor: Cursor): number {
  const end = readEnd(cursor);
  let seconds = 0;
  let nanos = 0;
  while (cursor.position < end) {
    const tag = readVarint(cursor);
    if (fieldOf(tag) === 1) seconds = readVarint(cursor);
    else if (fieldOf(tag) === 2) nanos = readVarint(cursor);
    else skip(cursor, tag);
  }
  return seconds * 1000 + nanos / 1e6;
}
