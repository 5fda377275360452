/** A controller that may hang on another's signal. */
export type Branch = AbortController & Readonly<{ release: () => void }>;

/**
 * A controller whose signal also aborts when `signal` does, if there is one, until `release`. Costs
 * a fifth of `AbortSignal.any`, which is a signal more: for who has thousands, of whom each has one
 * parent. A parent of more than ten is to be made by `createStop`.
 */
export function createBranch(signal: AbortSignal | undefined): Branch {
  const branch = new AbortController();
  const pass = () => branch.abort(signal?.reason);
  signal?.addEventListener("abort", pass, { once: true });
  if (signal?.aborted) pass();
  return Object.assign(branch, { release: () => signal?.removeEventListener("abort", pass) });
}
