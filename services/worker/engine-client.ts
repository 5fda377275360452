import { Duplex, Readable } from "node:stream";
import type { Clock } from "../../lib/clock.ts";
import { type EngineWork, OverdueError, toRuntimeError } from "./engine-error.ts";
import { isJson, type Json } from "./engine-json.ts";
import { RuntimeError } from "./runtime.ts";

/** One HTTP request to the engine. */
export type EngineRequest = Readonly<{
  method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  body?: object;
  /** A body that is sent as it comes, instead of `body`. */
  upload?: Readable;
}>;

/** What is wanted of an answer: all of it, its body as it comes, or the connection itself. */
export type EngineAnswer = "whole" | "stream" | "connection";

/**
 * Carries a request to the engine. Resolves with the parsed answer, with the stream of the
 * answer's body, or with the connection that both sides talk on from then on; rejects with an error that bears `statusCode` when
 * the engine said no. May never settle: whoever calls it keeps the time.
 */
export type EngineSend = (
  request: EngineRequest,
  options: Readonly<{ answer: EngineAnswer; signal: AbortSignal }>,
) => Promise<unknown>;

/** Work for the engine, and how long it may take. */
export type EngineTask = EngineWork & Readonly<{ request: EngineRequest; deadlineMs: number }>;

/** Talks to the engine. Every call ends, by its deadline at the latest, and fails with a `RuntimeError` only. */
export interface EngineClient {
  /** Asks for something whose answer does not matter. Gives up when `signal` aborts. */
  tell(task: EngineTask, signal?: AbortSignal): Promise<void>;
  /** Asks for an object. */
  ask(task: EngineTask): Promise<Json>;
  /** Asks for a list of objects. */
  askList(task: EngineTask): Promise<readonly Json[]>;
  /** Opens a stream; the deadline is for its beginning. It closes when `signal` aborts. */
  open(task: EngineTask, signal: AbortSignal): Promise<Readable>;
  /** As `open`, of a connection on which both sides talk. */
  converse(task: EngineTask, signal: AbortSignal): Promise<Duplex>;
}

/** Asks for a sign of life. */
export const pingTask: EngineTask = {
  verb: "ping",
  subject: "engine",
  deadlineMs: 5_000,
  request: { method: "GET", path: "/_ping" },
};

export function createEngineClient(send: EngineSend, clock: Clock): EngineClient {
  const call = (task: EngineTask, answer: EngineAnswer, parent?: AbortSignal) =>
    withDeadline(task, { clock, parent }, (signal) => send(task.request, { answer, signal }));

  return {
    tell: async (task, signal) => void (await call(task, "whole", signal)),
    ask: async (task) => {
      const answer = await call(task, "whole");
      return isJson(answer) ? answer : nonsense(task);
    },
    askList: async (task) => {
      const answer = await call(task, "whole");
      return Array.isArray(answer) ? answer.filter(isJson) : nonsense(task);
    },
    open: async (task, signal) => {
      const answer = await call(task, "stream", signal);
      return answer instanceof Readable ? answer : nonsense(task);
    },
    converse: async (task, signal) => {
      const answer = await call(task, "connection", signal);
      return answer instanceof Duplex ? answer : nonsense(task);
    },
  };
}

type Limits = Readonly<{ clock: Clock; parent: AbortSignal | undefined }>;

/**
 * Settles when `run` does, when the deadline passes or when `parent` aborts. An HTTP
 * response whose sender died while its body was open never ends in docker-modem, so
 * this does not trust an abort to reject `run`: it rejects by itself.
 */
async function withDeadline<T>(
  task: EngineTask,
  { clock, parent }: Limits,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    own.signal.addEventListener("abort", () => reject(own.signal.reason), { once: true });
  });
  const cancel = () => own.abort(cancelled(task));
  const disarm = clock.after(task.deadlineMs, () =>
    own.abort(new OverdueError(task, task.deadlineMs)),
  );
  parent?.addEventListener("abort", cancel, { once: true });
  try {
    if (parent?.aborted) throw cancelled(task);
    return await Promise.race([interrupted, run(own.signal)]);
  } catch (error) {
    throw toRuntimeError(task, error);
  } finally {
    disarm();
    parent?.removeEventListener("abort", cancel);
  }
}

const cancelled = ({ verb, subject }: EngineWork) =>
  new RuntimeError("engine-unavailable", `${verb} ${subject}: cancelled by the caller`);

function nonsense({ verb, subject }: EngineWork): never {
  throw new RuntimeError(
    "engine-unavailable",
    `${verb} ${subject}: the engine's answer is not what its interface promises`,
  );
}
