import type { Clock } from "../lib/clock.ts";
import { createMailbox } from "../lib/mailbox.ts";

type Lag = Readonly<{ lagMs: number; clock: Clock }>;

/** What comes, each as much later, however much of it is on its way. */
export const lagging = <T>(
  source: AsyncIterable<T>,
  lag: Lag,
  signal: AbortSignal,
): AsyncIterable<T> => (lag.lagMs > 0 ? late(source, lag, signal) : source);

async function* late<T>(source: AsyncIterable<T>, { lagMs, clock }: Lag, signal: AbortSignal) {
  const limit = Number.POSITIVE_INFINITY;
  const box = createMailbox<Readonly<{ item: T; dueMs: number }>>({ clock, limit });
  const take = async () => {
    for await (const item of source) box.post({ item, dueMs: clock.monotonic() + lagMs });
  };
  void take().then(
    () => box.close(),
    (error: Error) => box.close(error),
  );
  for await (const items of box.read(signal))
    for (const { item, dueMs } of items) {
      await clock.sleep(dueMs - clock.monotonic(), signal);
      if (signal.aborted) return;
      yield item;
    }
}
