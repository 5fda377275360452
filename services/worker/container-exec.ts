import type { Duplex } from "node:stream";
import type { ExecProcess, TerminalSize } from "../../gen/berth/v1/exec_pb.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { writeMessage } from "../../lib/rpc/grpc-stream.ts";
import type { EngineClient, EngineTask } from "./engine-client.ts";
import { isRefusal, toRuntimeError } from "./engine-error.ts";
import { type Json, textAt } from "./engine-json.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { readChunks } from "./engine-stream.ts";
import { createExecFrames } from "./exec-frames.ts";
import { type ExecNews, type ExecSession, RuntimeError } from "./runtime.ts";

type Deps = Readonly<{ engine: EngineClient; clock: Clock; limits: EngineLimits; log: Log }>;

type Wanted = Readonly<{ containerId: string; process: ExecProcess; signal: AbortSignal }>;

/** Between two looks at a process that has closed its output and not ended. */
const LOOK_MS_MIN = 20;
const LOOK_MS_MAX = 1_000;

/**
 * Runs a process in a container over one connection to the engine. When that breaks, or is left,
 * the engine ends the process's input and throws away what it writes; it cannot end the process.
 */
export async function startExec(deps: Deps, wanted: Wanted): Promise<ExecSession> {
  const { engine, limits, log } = deps;
  const { containerId, process, signal } = wanted;
  const requests = execRequests(limits.lookMs);
  const id = textAt(await engine.ask(requests.create(containerId, process)), "Id");
  const socket = await engine.converse(requests.start(id, process.tty), signal);
  // One that breaks while nobody reads must not end the worker; whoever reads is told.
  socket.on("error", () => undefined);

  /** The engine waits until the process is there. It may have ended by then. */
  /** A terminal of the wrong size is no reason to end what runs in it. */
  async function resize(size: TerminalSize): Promise<void> {
    try {
      await engine.tell(requests.resize(id, size), signal);
    } catch (err) {
      if (!(err instanceof RuntimeError)) throw err;
      if (signal.aborted || hasEnded(err)) return;
      log.warn({ containerId, err }, "terminal not resized");
    }
  }

  if (process.size) await resize(process.size);
  return {
    news: readNews(deps, { ...wanted, id, socket }),
    async write(data) {
      if (socket.writable) await writeMessage(socket, data, signal);
    },
    endInput: () => void socket.end(),
    resize,
  };
}

type Reading = Wanted & Readonly<{ id: string; socket: Duplex }>;

async function* readNews(
  deps: Deps,
  { id, socket, process, signal }: Reading,
): AsyncGenerator<ExecNews, void, undefined> {
  const { clock, limits } = deps;
  const look = execRequests(limits.lookMs).inspect(id);
  const split = createExecFrames();
  try {
    for await (const data of readChunks(socket, { clock, signal })) {
      if (process.tty) yield { kind: "stdout", data };
      else yield* split(data);
    }
    const exitCode = await whenEnded(deps, look, signal);
    if (exitCode !== undefined) yield { kind: "exit", exitCode };
  } catch (error) {
    if (!signal.aborted) throw toRuntimeError(look, error);
  }
}

/** What the engine says of a size for a process that is over, or whose container is. */
const hasEnded = (error: RuntimeError): boolean =>
  isRefusal(error, 404) || isRefusal(error, 409) || isRefusal(error, 500, STOPPED);

const STOPPED = /process already finished|no such process|stopped container|not running/i;

/** Its exit code. A process that closes its output may go on; undefined once `signal` has aborted. */
async function whenEnded(
  { engine, clock }: Deps,
  look: EngineTask,
  signal: AbortSignal,
): Promise<number | undefined> {
  for (let waitMs = LOOK_MS_MIN; !signal.aborted; waitMs = Math.min(2 * waitMs, LOOK_MS_MAX)) {
    const inspected = await engine.ask(look).catch(unlessForgotten);
    if (inspected["Running"] !== true) return exitCodeIn(inspected);
    await clock.sleep(waitMs, signal);
  }
  return undefined;
}

function exitCodeIn({ ExitCode: exitCode }: Json): number {
  if (typeof exitCode === "number") return exitCode;
  throw new RuntimeError("engine-unavailable", "the engine does not know how the process ended");
}

/** An engine that was restarted, or whose container has gone, knows nothing of its processes. */
function unlessForgotten(error: unknown): Json {
  if (!isRefusal(error, 404)) throw error;
  const words = "the engine has lost the process: its container is gone, or it was restarted";
  throw new RuntimeError("engine-unavailable", words, error);
}

/**
 * The engine leaves a terminal's client at these keys, and holds the first of them back until it
 * sees the next. Leaving is the client's own business: so nothing that anybody types.
 */
const NO_KEYS = "ctrl-@,ctrl-_,ctrl-@,ctrl-_,ctrl-@,ctrl-_";

/** What each step asks of the engine (Docker Engine API 1.41). */
const execRequests = (deadlineMs: number) => ({
  create: (containerId: string, wanted: ExecProcess): EngineTask => ({
    ...{ verb: "exec in", subject: containerId, deadlineMs },
    request: {
      method: "POST",
      path: `/containers/${containerId}/exec`,
      body: {
        Cmd: wanted.command,
        Env: Object.entries(wanted.env).map(([name, value]) => `${name}=${value}`),
        User: wanted.user,
        WorkingDir: wanted.workingDir,
        Tty: wanted.tty,
        AttachStdin: wanted.stdin,
        AttachStdout: true,
        AttachStderr: true,
        DetachKeys: NO_KEYS,
      },
    },
  }),
  start: (id: string, tty: boolean): EngineTask => ({
    ...{ verb: "exec in", subject: id, deadlineMs },
    request: { method: "POST", path: `/exec/${id}/start`, body: { Detach: false, Tty: tty } },
  }),
  resize: (id: string, { rows, columns }: TerminalSize): EngineTask => ({
    ...{ verb: "exec in", subject: id, deadlineMs },
    request: { method: "POST", path: `/exec/${id}/resize`, query: { h: rows, w: columns } },
  }),
  inspect: (id: string): EngineTask => ({
    ...{ verb: "exec in", subject: id, deadlineMs },
    request: { method: "GET", path: `/exec/${id}/json` },
  }),
});
