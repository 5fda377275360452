import { unavailable } from "../lib/errors.ts";
import type { ClientDeps } from "./options.ts";

type Options = Pick<ClientDeps, "clock"> & Readonly<{ silenceMs: number; signal: AbortSignal }>;

/**
 * Settles as `work` does, or rejects when nothing came of it for `silenceMs` or `signal` aborts. A
 * connection whose other end is gone without a word would leave it waiting for ever.
 */
export function orSilence<T>(work: Promise<T>, { clock, silenceMs, signal }: Options): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    const disarm = clock.after(silenceMs, () => reject(silent(silenceMs)));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const done = () => {
      disarm();
      signal.removeEventListener("abort", stop);
    };
    work.then(resolve, reject).then(done, done);
  });
}

const silent = (ms: number) =>
  unavailable("SILENT", `nothing was heard for ${ms} ms: the connection counts as dead`);
