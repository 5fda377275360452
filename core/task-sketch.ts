import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { type Task, TaskState } from "../gen/berth/v1/task_pb.ts";
import { attemptsOf, isLive } from "./live-attempts.ts";
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
 * The sketch of an encoded task: what `sketchOf` says of the decoded one, for a tenth of the work.
 * A manager that starts with many tasks has to wait for no more than this.
 */
export function readSketch(bytes: Uint8Array): TaskSketch {
  const { id, state, current, successor, past, updateMs } = readTask(new BinaryReader(bytes));
  const others = successor ? [successor, ...past] : past;
  const occupants = current ? [{ ...current, state }, ...others] : others;
  return {
    id,
    state,
    workerIds: occupants.filter(isOccupying).map(({ workerId }) => workerId),
    isFinished: isTerminal(state) && successor === undefined,
    updateMs,
  };
}

/** An attempt, as far as it matters to its worker. */
type Occupant = Readonly<{ workerId: string; state: TaskState }>;

const isOccupying = ({ workerId, state }: Occupant): boolean => workerId !== "" && isPlaced(state);

// The numbers of fields below are those of proto/berth/v1; a test compares with the decoder.

function readTask(reader: BinaryReader) {
  const found = {
    id: "",
    state: TaskState.UNSPECIFIED as TaskState,
    current: undefined as Occupant | undefined,
    successor: undefined as Occupant | undefined,
    past: [] as Occupant[],
    updateMs: 0,
  };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    switch (field) {
      case 1:
        found.id = reader.string();
        break;
      case 4:
        found.state = reader.int32();
        break;
      case 5:
        found.current = readAttempt(reader);
        break;
      case 6:
        found.past.push(readAttempt(reader));
        break;
      case 12:
        found.updateMs = readMillis(reader);
        break;
      case 14:
        found.successor = readAttempt(reader);
        break;
      default:
        skip(reader, wireType, field);
    }
  }
  return found;
}

function readAttempt(reader: BinaryReader): Occupant {
  const end = reader.uint32() + reader.pos;
  let workerId = "";
  // What is placed is scheduled until its worker has said more.
  let state: TaskState = TaskState.SCHEDULED;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 2) workerId = readFirstText(reader);
    else if (field === 3) state = readFirstNumber(reader) || TaskState.SCHEDULED;
    else skip(reader, wireType, field);
  }
  return { workerId, state };
}

/** Field 1 of a message, a string: the worker ID of a placement. */
function readFirstText(reader: BinaryReader): string {
  const end = reader.uint32() + reader.pos;
  let text = "";
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) text = reader.string();
    else skip(reader, wireType, field);
  }
  return text;
}

/** Field 1 of a message, an enum: the state of a status. */
function readFirstNumber(reader: BinaryReader): number {
  const end = reader.uint32() + reader.pos;
  let value = 0;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) value = reader.int32();
    else skip(reader, wireType, field);
  }
  return value;
}

/** A Timestamp. */
function readMillis(reader: BinaryReader): number {
  const end = reader.uint32() + reader.pos;
  let seconds = 0;
  let nanos = 0;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) seconds = Number(reader.int64());
    else if (field === 2) nanos = reader.int32();
    else skip(reader, wireType, field);
  }
  return seconds * 1000 + nanos / 1e6;
}

/** As the reader's own, without making a view of what is passed over: a spec is the most of it. */
function skip(reader: BinaryReader, wireType: WireType, field: number): void {
  if (wireType !== WireType.LengthDelimited) {
    reader.skip(wireType, field);
    return;
  }
  const length = reader.uint32();
  reader.pos += length;
}
