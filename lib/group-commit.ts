import type { Clock } from "./clock.ts";

/** Gathers what is added in one turn of the event loop and flushes it as one batch. */
export interface GroupCommit<T> {
  /** Resolves once the items are flushed; rejects when a flush has failed, this one or one before. */
  add(items: readonly T[]): Promise<void>;
  /** Resolves once all that has been added is flushed. */
  settled(): Promise<void>;
  /** Rejects what has not been flushed, though it may be yet, and all that is added from now on. */
  end(reason: unknown): void;
}

type Options<T> = Readonly<{
  clock: Clock;
  /** Called before a batch is closed: what it adds goes along. */
  lastCall?: () => void;
  /** Makes a batch durable. A rejection is final: nothing is flushed any more. */
  flush: (items: readonly T[]) => Promise<void>;
}>;

type Batch<T> = Readonly<{
  items: T[];
  promise: Promise<void>;
  resolve: () => void;
  reject: (reason: unknown) => void;
}>;

/** One flush is under way at a time; what is added meanwhile makes the next batch. */
export function createGroupCommit<T>({ clock, lastCall, flush }: Options<T>): GroupCommit<T> {
  let open: Batch<T> | undefined;
  let flushing: Batch<T> | undefined;
  let failure: { reason: unknown } | undefined;

  function add(items: readonly T[]): Promise<void> {
    if (failure) return rejected(failure.reason);
    if (!open) {
      open = createBatch();
      if (!flushing) void run();
    }
    open.items.push(...items);
    return open.promise;
  }

  async function run(): Promise<void> {
    while (open && !failure) {
      await clock.turn();
      lastCall?.();
      flushing = open;
      open = undefined;
      await flush(flushing.items).then(flushing.resolve, fail);
      flushing = undefined;
    }
  }

  function fail(reason: unknown): void {
    failure ??= { reason };
    for (const batch of [flushing, open]) batch?.reject(reason);
  }

  return {
    add,
    settled: () =>
      failure ? rejected(failure.reason) : ((open ?? flushing)?.promise ?? Promise.resolve()),
    end: fail,
  };
}

function createBatch<T>(): Batch<T> {
  let resolve: () => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<void>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { items: [], promise: unawaited(promise), resolve, reject };
}

const rejected = (reason: unknown): Promise<never> => unawaited(Promise.reject(reason));

/** Who adds may choose not to wait; whoever waits is told all the same. */
function unawaited<T>(promise: Promise<T>): Promise<T> {
  promise.then(undefined, () => undefined);
  return promise;
}
