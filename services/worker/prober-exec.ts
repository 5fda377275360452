import type { Readable } from "node:stream";
import type { CheckResult } from "../../core/probe.ts";
import { failed, passed, unasked, wordsOf } from "../../lib/checks/check-result.ts";
import type { Clock } from "../../lib/clock.ts";
import type { EngineClient, EngineTask } from "./engine-client.ts";
import { isRefusal } from "./engine-error.ts";
import { type Json, numberAt, textAt } from "./engine-json.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { readChunks } from "./engine-stream.ts";
import { RuntimeError } from "./runtime.ts";

/** Runs a command in a container: exit code 0 passes. */
export type Exec = (
  containerId: string,
  command: readonly string[],
  signal: AbortSignal,
) => Promise<CheckResult>;

type Deps = Readonly<{ engine: EngineClient; clock: Clock; limits: EngineLimits }>;

/** Commands that outlasted their check, remembered at most. */
const UNENDED_MAX = 1_000;

/** What is kept of a command's output. The rest is read and dropped, so that it is not held up. */
const OUTPUT_BYTES_MAX = 4_096;

/**
 * The engine has no way to end a command that it has begun. One that outlasts its check runs on,
 * and until it has ended its container is not given another: a hanging probe would pile them up.
 */
export function createExec({ engine, clock, limits }: Deps): Exec {
  const requests = execRequests(limits.lookMs);
  const unended = new Map<string, string>();

  async function run(containerId: string, command: readonly string[], signal: AbortSignal) {
    const subject = `${containerId} ${JSON.stringify(command)}`;
    const earlier = unended.get(subject);
    if (earlier !== undefined && isRunning(await look(earlier)))
      return failed("the command of an earlier check still runs");
    unended.delete(subject);
    const id = textAt(await engine.ask(requests.create(containerId, command)), "Id");
    if (signal.aborted) return unasked("the engine took too long to prepare the command");
    // Until its end is seen it may run, also when the engine does not answer.
    remember(subject, id);
    const stream = await engine.open(requests.start(id), signal);
    const output = await readOutput(stream, clock, signal);
    if (signal.aborted)
      return failed("the command has not ended in time and runs on: the engine cannot end it");
    unended.delete(subject);
    return verdict(await look(id), output);
  }

  /** An engine that was restarted knows of no command that it ran before. */
  async function look(id: string): Promise<Json> {
    try {
      return await engine.ask(requests.inspect(id));
    } catch (error) {
      if (isRefusal(error, 404)) return {};
      throw error;
    }
  }

  function remember(subject: string, id: string): void {
    unended.set(subject, id);
    for (const oldest of unended.keys()) {
      if (unended.size <= UNENDED_MAX) return;
      unended.delete(oldest);
    }
  }

  return async (containerId, command, signal) => {
    try {
      return await run(containerId, command, signal);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      // The engine's silence says nothing of the container.
      const isSilence = error.kind === "engine-unavailable";
      return isSilence ? unasked(error.message) : failed(wordsOf(error.message));
    }
  };
}

const isRunning = (inspected: Json): boolean => inspected["Running"] === true;

function verdict(inspected: Json, output: string): CheckResult {
  if (inspected["ExitCode"] === undefined) return unasked("the engine has lost the command");
  const exitCode = numberAt(inspected, "ExitCode");
  if (exitCode === 0) return passed;
  const words = wordsOf(output);
  return failed(`exit code ${exitCode}${words === "" ? "" : `: ${words}`}`);
}

/** What each step asks of the engine (Docker Engine API 1.41). */
const execRequests = (deadlineMs: number) => ({
  create: (containerId: string, command: readonly string[]): EngineTask => ({
    verb: "exec in",
    subject: containerId,
    deadlineMs,
    request: {
      method: "POST",
      path: `/containers/${containerId}/exec`,
      body: { Cmd: command, AttachStdout: true, AttachStderr: true },
    },
  }),
  start: (id: string): EngineTask => ({
    verb: "exec in",
    subject: id,
    deadlineMs,
    request: { method: "POST", path: `/exec/${id}/start`, body: { Detach: false, Tty: false } },
  }),
  inspect: (id: string): EngineTask => ({
    verb: "exec in",
    subject: id,
    deadlineMs,
    request: { method: "GET", path: `/exec/${id}/json` },
  }),
});

/** The beginning of what the command wrote, both streams in the order they came. */
async function readOutput(stream: Readable, clock: Clock, signal: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of readChunks(stream, { clock, signal })) {
    if (byteCount < OUTPUT_BYTES_MAX) parts.push(chunk);
    byteCount += chunk.length;
  }
  return payloadsOf(Buffer.concat(parts).subarray(0, OUTPUT_BYTES_MAX));
}

/** A frame begins with its stream, three zeros and the length of its payload, big-endian. */
const HEADER_BYTES = 8;

function payloadsOf(frames: Buffer): string {
  const texts: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= frames.length; ) {
    const end = at + HEADER_BYTES + frames.readUInt32BE(at + 4);
    texts.push(frames.subarray(at + HEADER_BYTES, end));
    at = end;
  }
  return Buffer.concat(texts).toString("utf8");
}
