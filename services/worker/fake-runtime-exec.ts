import type { ExecProcess, TerminalSize } from "../../gen/berth/v1/exec_pb.ts";
import { FailureReason } from "../../gen/berth/v1/task_pb.ts";
import { createPipe } from "../../lib/pipe.ts";
import type { FakeContainer } from "./fake-runtime-engine.ts";
import { type ExecNews, type ExecSession, RuntimeError } from "./runtime.ts";

/** Exit codes of what could not be found, and of what is killed along with its container. */
const EXIT_UNKNOWN = 127;
const EXIT_KILLED = 137;

type Word = Uint8Array | TerminalSize;

type Life = Readonly<{
  wanted: ExecProcess;
  /** What the process gets: bytes of its input, sizes of its terminal. */
  words: AsyncIterable<Word>;
  /** Aborts when nobody listens any more, or with the container. */
  signal: AbortSignal;
}>;

type Program = (life: Life) => AsyncGenerator<ExecNews, void, undefined>;

/**
 * Runs one of a few programs in a fake container: `echo WORDS`, `fail WORDS` (to its standard error,
 * ends with 3), `env`, `cat` (its input, and of a terminal its sizes), `yes` (for ever), `sleep`
 * (until the end). Others are not found.
 */
export function execInFake(
  container: FakeContainer | undefined,
  wanted: ExecProcess,
  left: AbortSignal,
): ExecSession {
  if (container?.state.kind !== "running")
    throw new RuntimeError(FailureReason.UNHEALTHY, "the container is not running");
  const signal = AbortSignal.any([left, container.over.signal]);
  const pipe = createPipe<Word>();
  if (!wanted.stdin && !wanted.tty) pipe.end();
  if (wanted.size) void pipe.put(wanted.size);
  const run = programs.get(wanted.command[0] ?? "") ?? notFound;
  return {
    news: untilKilled(run({ wanted, words: pipe.read(signal), signal }), signal, left),
    write: async (data) => void (await pipe.put(data)),
    endInput: () => pipe.end(),
    resize: async (size) => void (await pipe.put(size)),
  };
}

async function* untilKilled(
  news: AsyncIterable<ExecNews>,
  signal: AbortSignal,
  left: AbortSignal,
): AsyncGenerator<ExecNews, void, undefined> {
  for await (const item of news) {
    if (signal.aborted) break;
    yield item;
  }
  if (signal.aborted && !left.aborted) yield { kind: "exit", exitCode: EXIT_KILLED };
}

const out = (text: string): ExecNews => ({ kind: "stdout", data: Buffer.from(text) });
const exit = (exitCode: number): ExecNews => ({ kind: "exit", exitCode });
const wordsOf = ({ command }: ExecProcess) => `${command.slice(1).join(" ")}\n`;

async function* notFound({ wanted }: Life) {
  yield out(`exec: ${JSON.stringify(wanted.command[0])}: executable file not found in $PATH\r\n`);
  yield exit(EXIT_UNKNOWN);
}

const CHUNK = Buffer.from("y\n".repeat(16 * 1_024));

const programs = new Map<string, Program>([
  [
    "echo",
    async function* ({ wanted }) {
      yield out(wordsOf(wanted));
      yield exit(0);
    },
  ],
  [
    "fail",
    async function* ({ wanted }) {
      yield { kind: "stderr", data: Buffer.from(wordsOf(wanted)) };
      yield exit(3);
    },
  ],
  [
    "env",
    async function* ({ wanted: { env, user, workingDir } }) {
      const lines = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      yield out(`${[...lines, `user ${user}`, `in ${workingDir}`].join("\n")}\n`);
      yield exit(0);
    },
  ],
  [
    "cat",
    async function* ({ words }) {
      for await (const word of words)
        yield word instanceof Uint8Array
          ? { kind: "stdout", data: word }
          : out(`${word.rows} ${word.columns}\n`);
      yield exit(0);
    },
  ],
  [
    "yes",
    async function* ({ signal }) {
      while (!signal.aborted) yield { kind: "stdout", data: CHUNK };
    },
  ],
  [
    "sleep",
    async function* ({ signal }) {
      if (signal.aborted) return;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  ],
]);
