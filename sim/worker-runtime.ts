import { createFakeRuntime } from "../services/worker/fake-runtime.ts";
import { type Runtime, RuntimeError } from "../services/worker/runtime.ts";
import { createBell } from "./bell.ts";
import type { MachineLife, WorkerMachine } from "./worker-machine.ts";

type Verb = (...args: unknown[]) => unknown;

type Named = Readonly<{ name: string; verb: Verb }>;

/** Verbs that answer with a stream. */
const STREAMS = new Set(["watch", "logs"]);

/**
 * The engine, as one life of the worker has it: every question takes its time, and what the
 * engine was asked to do happens even if the worker does not live to hear of it.
 */
export function runtimeFor(machine: WorkerMachine, life: MachineLife): Runtime {
  const runtime = createFakeRuntime(machine.engine);
  const verbs = Object.entries(runtime) as [string, Verb][];
  const remote = verbs.map(([name, verb]) => [
    name,
    STREAMS.has(name) ? streamed(verb, life) : asked({ name, verb }, machine, life),
  ]);
  return Object.fromEntries(remote) as Runtime;
}

function asked({ name, verb }: Named, machine: WorkerMachine, life: MachineLife): Verb {
  const { time, world, process, random } = life;
  return (...args) =>
    new Promise((resolve, reject) => {
      machine.onAsked?.(name);
      const answer = (settle: () => void) => time.deliver(process, 0, settle);
      const lose = () => reject(new RuntimeError("engine-unavailable", `no answer to ${name}`));
      time.schedule(world, random() * machine.engineMs, () => {
        const isLost = machine.answersLost > 0 && random() < machine.answersLost;
        const work = verb(...args) as Promise<unknown>;
        work.then(
          (result) => answer(() => (isLost ? lose() : resolve(result))),
          (error: unknown) => answer(() => (isLost ? lose() : reject(error))),
        );
      });
    });
}

/** What has come of a stream and was not read yet. */
type Received = { readonly values: unknown[]; end: Readonly<{ error?: unknown }> | undefined };

/** Passes a stream of the engine on, item by item, until its reader or its process is gone. */
function streamed(verb: Verb, life: MachineLife): Verb {
  return async function* (...args) {
    const received: Received = { values: [], end: undefined };
    const news = createBell();
    const left = new AbortController();
    const put = (change: (received: Received) => void) =>
      life.time.deliver(life.process, 0, () => {
        change(received);
        news.ring();
      });
    void pump(begun(verb, args, [life.death, left.signal]), put);
    try {
      while (received.values.length > 0 || !received.end) {
        if (received.values.length > 0) yield received.values.shift();
        else await news.rung();
      }
      if (received.end.error !== undefined) throw received.end.error;
    } finally {
      left.abort();
    }
  };
}

/** Begins a stream that ends with any of the signals, its caller's among them. */
function begun(verb: Verb, args: readonly unknown[], signals: readonly AbortSignal[]) {
  const given = args.filter((arg) => arg instanceof AbortSignal);
  const rest = args.filter((arg) => !(arg instanceof AbortSignal));
  return verb(...rest, AbortSignal.any([...given, ...signals])) as AsyncIterable<unknown>;
}

async function pump(
  source: AsyncIterable<unknown>,
  put: (change: (received: Received) => void) => void,
): Promise<void> {
  const end = (how: Received["end"]) =>
    put((received) => {
      received.end = how;
    });
  try {
    for await (const value of source) put(({ values }) => void values.push(value));
    end({});
  } catch (error) {
    end({ error });
  }
}
