import { type Pullable, type Pulled, pullable, pulled, type Taker } from "./pulled.ts";

type OnLate = (error: unknown) => void;

/**
 * Settles as `work` does, or rejects with the signal's reason as soon as it aborts; `onLate`
 * gets the error of work that fails after that.
 */
export function orAborted<T>(
  work: PromiseLike<T>,
  signal: AbortSignal,
  onLate: OnLate,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    const done = () => signal.removeEventListener("abort", stop);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, fail).then(done, done);
    if (signal.aborted) stop();

    function fail(error: unknown) {
      if (signal.aborted) onLate(error);
      reject(error);
    }
  });
}

/** Who is told once how a source ended for its reader. */
type Ending = Readonly<{
  succeed(): void;
  /** Says what the reader is told instead of `error`. */
  fail(error: unknown): unknown;
  /** The reader wants no more. */
  leave(): void;
}>;

const UNTOLD: Ending = {
  succeed: () => undefined,
  fail: (error) => error,
  leave: () => undefined,
};

/**
 * Passes on what `source` gives until `signal` aborts, then throws the signal's reason at
 * once. The source is told to end, also when nobody asks for more, but not waited for;
 * `onLate` gets what it throws then. To be read by one reader, one item at a time.
 */
export function untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
  onLate: OnLate,
  ending = UNTOLD,
): Pulled<T> {
  const items = pullable(source);
  let state: "open" | "cut" | "over" = "open";
  /** Who waits for the next item. */
  let waiting: Taker<T> | undefined;

  function cut(): void {
    if (state !== "open") return;
    state = waiting ? "over" : "cut";
    served()?.fail(ending.fail(signal.reason));
    letGo(items, onLate);
  }

  function end(): void {
    signal.removeEventListener("abort", cut);
    state = "over";
  }

  /** Who waits, if it has not been told of the signal: the source may have heard of that first. */
  function served(): Taker<T> | undefined {
    if (signal.aborted) cut();
    const taker = waiting;
    waiting = undefined;
    return taker;
  }

  const passing: Taker<T> = {
    take: (item) => served()?.take(item),
    end() {
      const taker = served();
      ending.succeed();
      end();
      taker?.end();
    },
    fail(error) {
      const taker = served();
      if (signal.aborted) return onLate(error);
      end();
      taker?.fail(ending.fail(error));
    },
  };

  function pull(taker: Taker<T>): void {
    if (state === "open") {
      waiting = taker;
      items.pull(passing);
    } else if (state === "cut") {
      // The reason is told once; after that there is nothing more.
      state = "over";
      taker.fail(ending.fail(signal.reason));
    } else taker.end();
  }

  if (signal.aborted) cut();
  else signal.addEventListener("abort", cut, { once: true });
  return pulled(pull, () => {
    ending.leave();
    if (state === "open") letGo(items, onLate);
    end();
  });
}

/** Lets a generator run its `finally`: now, or when it comes to its next `yield`. */
function letGo(items: Pullable<unknown>, onLate: OnLate): void {
  Promise.resolve(items.return?.()).catch(onLate);
}
