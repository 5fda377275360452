import type { Readable } from "node:stream";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { createMailbox, type Mailbox } from "../../lib/mailbox.ts";
import { textsIn } from "./container-facts.ts";
import { keyFromLabels, ownerFilter } from "./container-labels.ts";
import { type EngineClient, type EngineTask, pingTask } from "./engine-client.ts";
import { toRuntimeError } from "./engine-error.ts";
import { type Json, jsonAt, textAt } from "./engine-json.ts";
import type { EngineLimits } from "./engine-limits.ts";
import { createLineReader, type EngineLine } from "./engine-lines.ts";
import { readChunks } from "./engine-stream.ts";
import { type Owner, RuntimeError, type RuntimeHint } from "./runtime.ts";

type Deps = Readonly<{ engine: EngineClient; clock: Clock; log: Log; limits: EngineLimits }>;

/** The most containers with hints that wait. Beyond that everything is looked at anew. */
const HINTS_MAX = 10_000;

/** Events after which a container may look different to Berth. */
const BEGINNINGS = ["create", "start"];
const ACTIONS = [...BEGINNINGS, "oom", "die", "stop", "destroy"];

/**
 * The engine's events about an owner's containers, as hints, until `signal` aborts.
 *
 * Events get lost: the engine skips a listener that is slow for 100 ms, and forgets what
 * happened while it was down. So they are read as fast as they come, whatever the consumer
 * does, and every connection begins with `resync`.
 */
export async function* watchEngine(
  deps: Deps,
  owner: Owner,
  signal: AbortSignal,
): AsyncGenerator<RuntimeHint, void, undefined> {
  const { clock, log, limits } = deps;
  let delayMs = limits.reconnectMsMin;
  while (!signal.aborted) {
    const startMs = clock.monotonic();
    try {
      yield* watchOnce(deps, owner, signal);
    } catch (err) {
      if (!signal.aborted) log.warn({ err, delayMs }, "watch of the engine broken");
    }
    // A connection that breaks at once is no reason to hurry.
    if (clock.monotonic() - startMs > limits.reconnectMsMax) delayMs = limits.reconnectMsMin;
    // No jitter: an engine has one worker, or few.
    await clock.sleep(delayMs, signal);
    delayMs = Math.min(delayMs * 2, limits.reconnectMsMax);
  }
}

/** The hints of one connection. Throws when it breaks. */
async function* watchOnce(
  deps: Deps,
  owner: Owner,
  signal: AbortSignal,
): AsyncGenerator<RuntimeHint, void, undefined> {
  const stream = await deps.engine.open(eventsTask(deps, owner), signal);
  const box = createMailbox<RuntimeHint>({ clock: deps.clock, limit: HINTS_MAX, keyOf });
  box.post({ kind: "resync" });
  const over = new AbortController();
  const reading = readInto(box, deps, { stream, signal }).finally(() => over.abort());
  const probing = probe(deps, stream, over.signal);
  try {
    for await (const hints of box.read(signal)) yield* hints;
  } finally {
    stream.destroy();
    await Promise.all([reading, probing]);
  }
}

const keyOf = (hint: RuntimeHint) =>
  hint.kind === "resync" ? hint.kind : `${hint.kind} ${hint.containerId}`;

/** Reads events until the stream ends, then closes the box. Never throws: the box tells. */
async function readInto(
  box: Mailbox<RuntimeHint>,
  { clock, log }: Deps,
  { stream, signal }: Readonly<{ stream: Readable; signal: AbortSignal }>,
): Promise<void> {
  const readLines = createLineReader();
  try {
    for await (const chunk of readChunks(stream, { clock, signal })) {
      for (const line of readLines(chunk)) postHint(box, line, log);
    }
    box.close(new RuntimeError("engine-unavailable", "watch engine: the engine hung up"));
  } catch (error) {
    box.close(toRuntimeError(WATCHING, error));
  }
}

function postHint(box: Mailbox<RuntimeHint>, line: EngineLine, log: Log): void {
  if (line.kind === "garbage") {
    log.debug({ line: line.start }, "unreadable event of the engine");
    box.post({ kind: "resync" });
    return;
  }
  const hint = hintOf(line.message);
  if (hint) box.post(hint);
}

/** The engine puts a container's labels among the attributes of its events. */
function hintOf(event: Json): RuntimeHint | undefined {
  const actor = jsonAt(event, "Actor");
  const key = keyFromLabels(textsIn(jsonAt(actor, "Attributes")));
  const kind = BEGINNINGS.includes(textAt(event, "Action")) ? "begin" : "change";
  return key && { kind, containerId: textAt(actor, "ID"), key };
}

/**
 * A stream of events is silent when nothing happens, and when the engine hangs. Breaks it
 * when the engine gives no sign of life, so that the watch begins anew.
 */
async function probe(
  { engine, clock, limits }: Deps,
  stream: Readable,
  over: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(limits.probeMs, over);
    if (over.aborted) return;
    try {
      await engine.tell(pingTask, over);
    } catch (error) {
      stream.destroy(toRuntimeError(WATCHING, error));
      return;
    }
  }
}

const WATCHING = { verb: "watch", subject: "engine" } as const;

/**
 * Asks for the events since just before the connection: the engine begins to answer
 * before it listens to its own events, and what fell in between would be lost.
 */
function eventsTask({ clock, limits }: Deps, owner: Owner): EngineTask {
  const filters = { type: ["container"], event: ACTIONS, label: ownerFilter(owner) };
  const since = Math.floor(clock.now() / 1000) - 1;
  return {
    ...WATCHING,
    deadlineMs: limits.lookMs,
    request: {
      method: "GET",
      path: "/events",
      query: { since, filters: JSON.stringify(filters) },
    },
  };
}
