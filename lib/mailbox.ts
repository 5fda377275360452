import type { Clock } from "./clock.ts";
import { exhausted } from "./errors.ts";

/**
 * A bounded queue between many writers and one reader. What came in one turn of
 * the event loop is read as one batch.
 */
export interface Mailbox<T> {
  /** Adds an item. Never waits: a reader that lets `limit` items pile up is cut off instead. */
  post(item: T): void;
  /**
   * Batches, each with at least one item, until the box is closed and empty or `signal`
   * aborts. Throws RESOURCE_EXHAUSTED once the box has overflowed, and the reason given to `close`.
   */
  read(signal: AbortSignal): AsyncGenerator<T[], void, undefined>;
  /** No more items will come. With a reason, the reader is told by an exception. */
  close(reason?: Error): void;
}

type Options<T> = Readonly<{
  clock: Clock;
  /** The most items that wait. */
  limit: number;
  /** Items of one key replace one another, the latest wins. Absent: every item counts. */
  keyOf?: (item: T) => string;
}>;

export function createMailbox<T>(options: Options<T>): Mailbox<T> {
  const { post, close, take, wake, hasItems } = createBox(options);
  return {
    post,
    close,
    async *read(signal) {
      signal.addEventListener("abort", wake);
      try {
        while (await hasItems(signal)) yield await take();
      } finally {
        signal.removeEventListener("abort", wake);
      }
    },
  };
}

function createBox<T>({ clock, limit, keyOf }: Options<T>) {
  let items = new Map<string | number, T>();
  let serial = 0;
  let closed: { reason?: Error } | undefined;
  let wakeReader: () => void = () => undefined;
  const wake = () => wakeReader();

  function post(item: T): void {
    if (closed) return;
    items.set(keyOf ? keyOf(item) : serial++, item);
    if (items.size > limit) {
      items.clear();
      close(exhausted("SLOW_READER", `the reader fell more than ${limit} items behind`));
    }
    wake();
  }

  function close(reason?: Error): void {
    closed ??= reason ? { reason } : {};
    wake();
  }

  async function take(): Promise<T[]> {
    await clock.turn();
    const batch = [...items.values()];
    items = new Map();
    return batch;
  }

  const somethingHappens = () =>
    new Promise<void>((resolve) => {
      wakeReader = resolve;
    });

  /** Waits until there is something to read; false when nothing will come any more. */
  async function hasItems(signal: AbortSignal): Promise<boolean> {
    while (items.size === 0 && !closed && !signal.aborted) await somethingHappens();
    if (items.size === 0 && closed?.reason) throw closed.reason;
    return items.size > 0 && !signal.aborted;
  }

  return { post, close, take, wake, hasItems };
}
