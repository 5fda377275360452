import { exhausted } from "./errors.ts";

/**
 * A bounded queue that is worked off while there is something in it. In between it waits for nothing:
 * who has thousands of queues, most of them empty, pays for those that are not.
 */
export interface Pump<T> {
  /** Adds an item. Never waits: when `limit` items have piled up, that is the pump's failure. */
  post(item: T): void;
  /** Begins with what was posted so far. */
  open(): void;
  /** Drops what waits, takes nothing more, and resolves once the work under way is over. */
  close(): Promise<void>;
}

type Options<T> = Readonly<{
  /** The most items that wait. */
  limit: number;
  /** Is called while items wait, one call at a time, and has to take them: all that came until then. */
  work: (take: () => readonly T[]) => Promise<void>;
  /** Called once at most, with what `work` threw or RESOURCE_EXHAUSTED; the pump is closed then. */
  onFailure: (error: unknown) => void;
}>;

export function createPump<T>({ limit, work, onFailure }: Options<T>): Pump<T> {
  let items: T[] = [];
  let state: "shut" | "open" | "over" = "shut";
  let running: Promise<void> | undefined;

  function take(): readonly T[] {
    const taken = items;
    items = [];
    return taken;
  }

  async function run(): Promise<void> {
    try {
      while (items.length > 0) await work(take);
    } catch (error) {
      fail(error);
    } finally {
      running = undefined;
    }
  }

  function start(): void {
    if (state === "open" && items.length > 0) running ??= run();
  }

  function fail(error: unknown): void {
    if (state === "over") return;
    end();
    onFailure(error);
  }

  function end(): void {
    state = "over";
    items = [];
  }

  return {
    post(item) {
      if (state === "over") return;
      items.push(item);
      if (items.length > limit)
        fail(exhausted("SLOW_READER", `the reader fell more than ${limit} items behind`));
      start();
    },
    open() {
      if (state === "shut") state = "open";
      start();
    },
    async close() {
      end();
      await running;
    },
  };
}
