/** Hands items from writers to one reader. A writer that waits for its item to be taken is held up. */
export interface Pipe<T> {
  /**
   * Resolves once the reader has come back for more than this item, with true; with false when
   * nobody will ever take it.
   */
  put(item: T): Promise<boolean>;
  /** Nothing more will come than what waits. With a reason, the reader is told by an exception. */
  end(reason?: unknown): void;
  /** What was put, in that order, until the end or until `signal` aborts. To be called once. */
  read(signal: AbortSignal): AsyncGenerator<T, void, undefined>;
}

type Parcel<T> = Readonly<{ item: T; settle: (isTaken: boolean) => void }>;

/** Nothing is kept but what writers wait with. */
export function createPipe<T>(): Pipe<T> {
  const parcels: Parcel<T>[] = [];
  let ending: Readonly<{ reason?: unknown }> | undefined;
  let isLeft = false;
  let wake: () => void = () => undefined;

  const somethingHappens = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });

  async function next(signal: AbortSignal): Promise<Parcel<T> | undefined> {
    while (parcels.length === 0 && !ending && !signal.aborted) await somethingHappens();
    if (signal.aborted) return undefined;
    const parcel = parcels.shift();
    if (!parcel && ending?.reason !== undefined) throw ending.reason;
    return parcel;
  }

  return {
    put(item) {
      if (isLeft || ending) return Promise.resolve(false);
      return new Promise((settle) => {
        parcels.push({ item, settle });
        wake();
      });
    },
    end(reason) {
      ending ??= { reason };
      wake();
    },
    async *read(signal) {
      const tell = () => wake();
      signal.addEventListener("abort", tell);
      let taken: Parcel<T> | undefined;
      try {
        for (taken = await next(signal); taken; taken = await next(signal)) {
          yield taken.item;
          taken.settle(true);
        }
      } finally {
        isLeft = true;
        signal.removeEventListener("abort", tell);
        taken?.settle(true);
        for (const { settle } of parcels.splice(0)) settle(false);
      }
    },
  };
}
