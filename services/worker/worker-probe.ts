import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { EngineDescription, Runtime } from "./runtime.ts";
import { createGate } from "./worker-gate.ts";

/** Whether the container engine answers, known without asking it. */
export interface EngineProbe {
  /** Why the engine is not healthy. Empty when it is. */
  error(): string;
  /** Name and version, as it said last. Empty before it has spoken. */
  engine(): string;
  /** What the engine last said of itself. Resolves once it has spoken for the first time. */
  description(): Promise<EngineDescription>;
  /** Keeps asking until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** How often a silent or a healthy engine is asked: nothing else tells that one hangs. */
const PROBE_MS = 5_000;

export function createEngineProbe(
  deps: Readonly<{ runtime: Pick<Runtime, "describe" | "ping">; clock: Clock; log: Log }>,
): EngineProbe {
  const { runtime, clock, log } = deps;
  const spoken = createGate();
  let latest: EngineDescription | undefined;
  let error = "the engine has not answered yet";

  /** An engine that comes back may be another version of itself. */
  async function meet(): Promise<void> {
    latest = await runtime.describe();
    error = "";
    log.info({ engine: latest.engine }, "engine healthy");
    spoken.open();
  }

  async function ask(): Promise<void> {
    try {
      if (error === "") await runtime.ping();
      else await meet();
    } catch (err) {
      const words = err instanceof Error ? err.message : String(err);
      if (words !== error) log.warn({ err }, "engine not healthy");
      error = words;
    }
  }

  return {
    error: () => error,
    engine: () => latest?.engine ?? "",
    async description() {
      for (;;) {
        if (latest) return latest;
        await spoken.opened;
      }
    },
    async run(signal) {
      while (!signal.aborted) {
        await ask();
        await clock.sleep(PROBE_MS, signal);
      }
    },
  };
}
