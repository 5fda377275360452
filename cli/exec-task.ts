import type { MessageInitShape } from "@bufbuild/protobuf";
import { INPUT_BYTES_MAX } from "../core/limits.ts";
import type { ExecInputSchema, ExecOutput, ExecProcessSchema } from "../gen/berth/v1/exec_pb.ts";
import type { ExecTaskRequestSchema } from "../gen/berth/v1/manager_service_pb.ts";
import { createPipe, type Pipe } from "../lib/pipe.ts";
import { createStop } from "../lib/stop.ts";
import type { Context, Manager } from "./context.ts";
import { createDetachKeys } from "./detach-keys.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { type Input, printLine } from "./terminal.ts";

export type ExecWanted = Readonly<{
  taskId: string;
  process: MessageInitShape<typeof ExecProcessSchema>;
}>;

type Word = MessageInitShape<typeof ExecTaskRequestSchema>;
type Said = NonNullable<MessageInitShape<typeof ExecInputSchema>["word"]>;

/** One conversation. */
type Talk = Readonly<{
  context: Context;
  wanted: ExecWanted;
  pipe: Pipe<Word>;
  /** Aborts when nothing more is to be said or heard. */
  over: AbortController;
  signal: AbortSignal;
}>;

/** Why a user no longer listens, though the process runs. */
const LEFT = Symbol("left");

/**
 * Runs a process in a task's container, as if it ran here: what is typed goes to it, what it writes
 * is printed. Answers with its exit code. The terminal is put back whichever way it ends.
 */
export async function execTask(
  context: Context,
  manager: Manager,
  wanted: ExecWanted,
): Promise<ExitCode> {
  const over = createStop();
  const signal = AbortSignal.any([context.interrupted, over.signal]);
  const talk: Talk = { context, wanted, pipe: createPipe(), over, signal };
  const { stdin } = context.terminal;
  const { tty, stdin: hasInput } = wanted.process;
  const restore = tty && hasInput ? stdin.makeRaw() : () => undefined;
  const unwatch = tty ? stdin.onResize(createSizeTeller(talk)) : () => undefined;
  try {
    return (await converse(manager, talk)) ?? left(talk);
  } catch (error) {
    if (signal.aborted) return left(talk);
    throw error;
  } finally {
    unwatch();
    restore();
    over.abort();
  }
}

/** Its exit code, or undefined when its user left. */
async function converse(manager: Manager, talk: Talk): Promise<ExitCode | undefined> {
  const { wanted, pipe, signal, context } = talk;
  const { stdout, stderr } = context.terminal;
  void pipe.put({ word: { case: "start", value: wanted } });
  if (!wanted.process.stdin && !wanted.process.tty) pipe.end();
  for await (const { output } of manager.execTask(pipe.read(signal), { signal })) {
    if (output?.word.case === "started" && wanted.process.stdin) void listen(talk);
    if (output?.word.case === "exit") return output.word.value.exitCode;
    print(output, talk);
    await stdout.drained();
    await stderr.drained();
  }
  return undefined;
}

function print(output: ExecOutput | undefined, { context }: Talk): void {
  const { stdout, stderr } = context.terminal;
  if (output?.word.case === "stdout") stdout.write(output.word.value);
  if (output?.word.case === "stderr") stderr.write(output.word.value);
}

const input = (word: Said): Word => ({ word: { case: "input", value: { word } } });

/** Passes on what is typed, no faster than it is taken. */
async function listen({ context, wanted, pipe, over, signal }: Talk): Promise<void> {
  const { stdin } = context.terminal;
  const look = wanted.process.tty ? createDetachKeys() : asTyped;
  try {
    for await (const chunk of readSafely(stdin, signal)) {
      const { bytes, isLeaving } = look(chunk);
      for (let at = 0; at < bytes.length; at += INPUT_BYTES_MAX)
        await pipe.put(input({ case: "stdin", value: bytes.subarray(at, at + INPUT_BYTES_MAX) }));
      if (isLeaving) return over.abort(LEFT);
    }
    await pipe.put(input({ case: "endOfInput", value: {} }));
  } catch (error) {
    over.abort(error);
  }
}

const asTyped = (bytes: Uint8Array) => ({ bytes, isLeaving: false });

/** A terminal that was closed is at its end. */
async function* readSafely(stdin: Input, signal: AbortSignal) {
  try {
    yield* stdin.read(signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EIO")) throw error;
  }
}

/** Tells of the size that the screen has by the time that the last one was taken. */
function createSizeTeller({ context, pipe }: Talk): () => void {
  let state: "idle" | "telling" | "outdated" = "idle";

  async function tell(): Promise<void> {
    state = "telling";
    const size = context.terminal.stdin.size();
    if (size) await pipe.put(input({ case: "resize", value: size }));
    if ((state as string) === "outdated") await tell();
    else state = "idle";
  }

  return () => {
    if (state === "idle") void tell();
    else state = "outdated";
  };
}

function left({ context, wanted, signal }: Talk): ExitCode {
  if (signal.reason !== LEFT && !context.interrupted.aborted) throw signal.reason;
  const line = `left: the process may go on in task ${wanted.taskId}`;
  printLine(context.terminal.stderr, wanted.process.tty ? `\r\n${line}\r` : line);
  return context.interrupted.aborted ? exitCodes.interrupted : exitCodes.ok;
}
