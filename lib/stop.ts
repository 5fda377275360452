import { setMaxListeners } from "node:events";

/**
 * For a signal that any number may listen to. Node would take more than ten for a leak. It also
 * aborts when `signal` does, if there is one.
 */
export function createStop(signal?: AbortSignal): Branch {
  const stop = createBranch(signal);
  setMaxListeners(0, stop.signal);
  return stop;
}

/** A controller that may hang on another's signal. */
export type Branch = AbortController & Readonly<{ release: () => void }>;

/**
 * A controller whose signal also aborts when `signal` does, if there is one, until `release`. Costs
 * a fifth of `AbortSignal.any`, which is a signal more: for who has thousands, of whom each has one
 * parent.
 */
export function createBranch(signal: AbortSignal | undefined): Branch {
  const branch = new AbortController();
  const pass = () => branch.abort(signal?.reason);
  signal?.addEventListener("abort", pass, { once: true });
  if (signal?.aborted) pass();
  return Object.assign(branch, { release: () => signal?.removeEventListener("abort", pass) });
}

/** Resolves once a signal has aborted, also when that was before. */
export const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
