import { create } from "@bufbuild/protobuf";
import { stateName } from "../../core/task-state.ts";
import type { ExecInput } from "../../gen/berth/v1/exec_pb.ts";
import {
  type ExecTaskRequest,
  type ExecTaskResponse,
  ExecTaskResponseSchema,
  type ExecTaskStart,
} from "../../gen/berth/v1/manager_service_pb.ts";
import { TaskState } from "../../gen/berth/v1/task_pb.ts";
import { wrongState } from "../../lib/errors.ts";
import type { FakeLedger } from "./fake-ledger.ts";

type Answers = AsyncGenerator<ExecTaskResponse, void, undefined>;

const READERS = new Set(["cat", "size"]);
const PROGRAMS = new Set(["echo", ...READERS]);

/** Processes of a fake cluster: `echo WORDS`, `cat`, `size`, which repeats its sizes; no others. */
export async function* execFake(
  words: AsyncIterable<ExecTaskRequest>,
  ledger: FakeLedger,
): Answers {
  let command: readonly string[] = [];
  for await (const { word } of words) {
    if (word.case === "start") {
      command = commandOf(ledger, word.value);
      yield answer({ case: "started", value: {} });
    }
    if (word.case === "input") yield stdout(repeat(word.value));
    if (!READERS.has(`${command[0]}`) || isEnd(word)) break;
  }
  yield* end(command);
}

const isEnd = (word: ExecTaskRequest["word"]): boolean =>
  word.case === "input" && word.value.word.case === "endOfInput";

function repeat({ word }: ExecInput): string {
  if (word.case === "resize") return `${word.value.rows}x${word.value.columns}\n`;
  return word.case === "stdin" ? new TextDecoder().decode(word.value) : "";
}

function* end([program = "", ...rest]: readonly string[]) {
  const isKnown = PROGRAMS.has(program);
  if (program === "echo") yield stdout(`${rest.join(" ")}\n`);
  if (!isKnown) yield stdout(`exec: "${program}": executable file not found in $PATH\n`);
  yield answer({ case: "exit", value: { exitCode: isKnown ? 0 : 127 } });
}

type Word =
  | Readonly<{ case: "started"; value: object }>
  | Readonly<{ case: "stdout"; value: Uint8Array }>
  | Readonly<{ case: "exit"; value: Readonly<{ exitCode: number }> }>;

const answer = (word: Word) => create(ExecTaskResponseSchema, { output: { word } });
const stdout = (text: string) => answer({ case: "stdout", value: new TextEncoder().encode(text) });

function commandOf(ledger: FakeLedger, { taskId, process }: ExecTaskStart): readonly string[] {
  const { state, waitingReason } = ledger.find(taskId);
  if (state === TaskState.RUNNING) return process?.command ?? [];
  const why = waitingReason === "" ? "" : ` (${waitingReason})`;
  throw wrongState(
    "NOT_RUNNING",
    `task ${taskId} is ${stateName(state)}${why}: a process needs a container that runs, ` +
      `see: berth inspect ${taskId}`,
  );
}
