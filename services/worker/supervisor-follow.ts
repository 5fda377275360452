import { createBell } from "../../lib/bell.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { createBackoff } from "../../lib/retry.ts";
import type { ContainerFacts, ContainerHint, Owner, Runtime } from "./runtime.ts";

type Deps = Readonly<{
  runtime: Pick<Runtime, "watch" | "list">;
  clock: Clock;
  random: Random;
  log: Log;
}>;

type Reactions = Readonly<{
  /** Something may have happened to one container. */
  onHint: (hint: ContainerHint) => void;
  /** Every container of the owner, as it was a moment ago. */
  onList: (facts: readonly ContainerFacts[]) => void;
}>;

/** How often everything is looked at though no hint was lost, as far as anybody knows. */
export const RESYNC_MS = 60_000;
const RETRY_MS_FIRST = 200;
const RETRY_MS_CAP = 5_000;

/**
 * Follows the containers of `owner` until `signal` aborts: hints as they come, and the whole
 * truth when hints may have been lost, when the engine is back, and every `RESYNC_MS`.
 */
export async function follow(
  deps: Deps,
  target: Readonly<{ owner: Owner; signal: AbortSignal }> & Reactions,
): Promise<void> {
  const { runtime, clock, log } = deps;
  const { owner, signal, onHint, onList } = target;
  const resync = createBell(clock);
  const retry = { firstMs: RETRY_MS_FIRST, capMs: RETRY_MS_CAP, stableMs: RESYNC_MS };
  const backoff = createBackoff({ ...retry, random: deps.random, clock });

  async function takeHints(): Promise<void> {
    for await (const hint of runtime.watch(owner, signal)) {
      if (signal.aborted) return;
      if (hint.kind === "resync") resync.ring();
      else onHint(hint);
    }
  }

  /** Returns how long to wait for the next look, if nobody asks for one before. */
  async function lookAtAll(): Promise<number> {
    try {
      const facts = await runtime.list(owner);
      if (!signal.aborted) onList(facts);
      backoff.reset();
      return RESYNC_MS;
    } catch (error) {
      log.warn({ err: error }, "containers not listed, trying again");
      return backoff.next();
    }
  }

  async function keepInSync(): Promise<void> {
    let pauseMs = RESYNC_MS;
    while (!signal.aborted) {
      await resync.wait(signal, pauseMs);
      if (!signal.aborted) pauseMs = await lookAtAll();
    }
  }

  await Promise.all([takeHints(), keepInSync()]);
}
