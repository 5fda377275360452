import { setMaxListeners } from "node:events";
import { type Branch, createBranch } from "./branch.ts";

/**
 * For a signal that any number may listen to. Node would take more than ten for a leak. It also
 * aborts when `signal` does, if there is one.
 */
export function createStop(signal?: AbortSignal): Branch {
  const stop = createBranch(signal);
  setMaxListeners(0, stop.signal);
  return stop;
}

/** Resolves once a signal has aborted, also when that was before. */
export const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
