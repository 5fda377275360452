import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createBackoff } from "../../lib/retry.ts";
import { keyText } from "./attempt.ts";
import type { AttemptKey, Runtime } from "./runtime.ts";

/** Removes containers that nobody needs any more, however long that takes. */
export interface Disposal {
  /** Sees to it that the container goes, stopped first if it runs. Twice is once. */
  dispose(key: AttemptKey, containerId: string): void;
  /** Whether a container of the attempt is on its way out. */
  isDisposing(key: AttemptKey): boolean;
}

type Deps = Readonly<{
  runtime: Pick<Runtime, "stop" | "remove">;
  clock: Clock;
  random: Random;
  log: Log;
  /** Ends all work; what is left is met again after the next start. */
  signal: AbortSignal;
}>;

type Waste = Readonly<{ key: AttemptKey; containerId: string }>;

/** Removals at once: enough to keep an engine busy, and starts are not held up by them. */
const REMOVALS_MAX = 8;
const RETRY_MS_FIRST = 500;
const RETRY_MS_CAP = 30_000;

export function createDisposal(deps: Deps): Disposal {
  const waiting = new Map<string, Waste>();
  const underWay = new Set<string>();

  function take(): Waste | undefined {
    for (const [id, waste] of waiting) {
      waiting.delete(id);
      underWay.add(id);
      return waste;
    }
    return undefined;
  }

  async function removeNext(): Promise<void> {
    if (underWay.size >= REMOVALS_MAX || deps.signal.aborted) return;
    const waste = take();
    if (!waste) return;
    await removeUntilGone(deps, waste);
    underWay.delete(keyText(waste.key));
    void removeNext();
  }

  return {
    dispose(key, containerId) {
      if (underWay.has(keyText(key))) return;
      waiting.set(keyText(key), { key, containerId });
      void removeNext();
    },
    isDisposing: (key) => waiting.has(keyText(key)) || underWay.has(keyText(key)),
  };
}

async function removeUntilGone(deps: Deps, { key, containerId }: Waste): Promise<void> {
  const { clock, random, log, signal } = deps;
  const retry = { firstMs: RETRY_MS_FIRST, capMs: RETRY_MS_CAP, stableMs: RETRY_MS_CAP };
  const backoff = createBackoff({ ...retry, random, clock });
  for (let tries = 1; !signal.aborted; tries++) {
    const error = await tryRemoving(deps, containerId);
    if (error === undefined) return;
    if (tries === 1) log.warn({ ...key, err: error }, "container not removed, trying again");
    await clock.sleep(backoff.next(), signal);
  }
}

/** Returns why the container is still there; undefined once it is gone. */
async function tryRemoving({ runtime }: Deps, containerId: string): Promise<unknown> {
  try {
    await runtime.stop(containerId, 0);
    await runtime.remove(containerId);
    return undefined;
  } catch (error) {
    return error;
  }
}
