import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { isRetryable, retryMsOf } from "../lib/errors.ts";
import { backoffMs } from "../lib/retry.ts";
import { isElsewhere, isRepeatable, isUndone } from "../lib/rpc/repeat.ts";
import { begun, kept } from "../lib/rpc/stream-beginning.ts";
import { berthErrorOf } from "./berth-error.ts";
import type { ClientDeps, Patience } from "./options.ts";
import { withRequestIds } from "./request-ids.ts";
import type { Server, Servers } from "./servers.ts";

/** Pauses once every manager has been asked: one that restarts is back within seconds. */
export const PAUSES = { firstMs: 200, capMs: 5_000 };

type Options = ClientDeps & Readonly<{ servers: Servers; patience: Patience }>;

type Call<R> = Readonly<{
  once: (server: Server, leftMs: number) => Promise<R>;
  /** Whether a call that may have been done may be made again. */
  isRepeatable: boolean;
  signal: AbortSignal | undefined;
  withinMs: number;
}>;

/**
 * A transport to whichever manager serves. A call that is safe to repeat is repeated while that can
 * help and time is left; every other only when it has certainly done nothing. Submits and the like
 * are made safe by request IDs. Throws nothing but BerthErrors.
 */
export function createRetrying({ servers, patience, clock, random }: Options): Transport {
  async function call<R>(wanted: Call<R>): Promise<R> {
    const { once, withinMs } = wanted;
    const startMs = clock.monotonic();
    const leftMs = () => withinMs - (clock.monotonic() - startMs);
    for (let tries = 0; ; tries++) {
      const server = servers.current();
      try {
        return await once(server, leftMs());
      } catch (error) {
        const pauseMs = pauseAfter(error, tries);
        if (!mayRepeat(error, { ...wanted, server }) || pauseMs >= leftMs())
          throw berthErrorOf(error);
        await rest(pauseMs, wanted.signal);
      }
    }
  }

  /** Whether the same call is worth another try. Where another manager may do better, that is next. */
  function mayRepeat(
    error: unknown,
    { server, isRepeatable, signal }: Omit<Call<unknown>, "once"> & Readonly<{ server: Server }>,
  ): boolean {
    if (signal?.aborted || !canHelp(error)) return false;
    servers.leave(server);
    return isRepeatable || isUndone(error);
  }

  /** The others are asked at once. */
  function pauseAfter(error: unknown, tries: number): number {
    const round = tries + 1 - servers.count;
    return round < 0 ? 0 : Math.max(retryMsOf(error) ?? 0, backoffMs(round, PAUSES, random));
  }

  async function rest(pauseMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    if (signal?.aborted) throw berthErrorOf(ConnectError.from(signal.reason, Code.Canceled));
  }

  return {
    unary(method, signal, timeoutMs, header, input) {
      const words = withRequestIds(method, input, random);
      return call({
        once: ({ transport }, leftMs) =>
          transport.unary(method, signal, wholeMs(leftMs, patience.callMs), header, words),
        isRepeatable: isRepeatable(method, words),
        signal,
        withinMs: timeoutMs ?? patience.retryMs,
      });
    },
    async stream(method, signal, timeoutMs, header, input) {
      const words = isReading(method) ? await kept(input) : input;
      const response = await call({
        once: ({ transport }) => begun(transport.stream(method, signal, timeoutMs, header, words)),
        isRepeatable: isReading(method),
        signal,
        withinMs: timeoutMs ?? patience.retryMs,
      });
      return { ...response, message: inOurWords(response.message) };
    },
  };
}

/** It is sent in a header, which has whole milliseconds. */
const wholeMs = (...spans: readonly number[]): number => Math.ceil(Math.min(...spans));

const isReading = ({ methodKind }: DescMethod): boolean => methodKind === "server_streaming";

/** Whether the same call may go better: elsewhere, later, or because nothing was heard of it. */
const canHelp = (error: unknown): boolean =>
  isElsewhere(error) ||
  (isRetryable(error) && retryMsOf(error) !== undefined) ||
  ConnectError.from(error).code === Code.DeadlineExceeded;

async function* inOurWords<T>(messages: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  try {
    yield* messages;
  } catch (error) {
    throw berthErrorOf(error);
  }
}
