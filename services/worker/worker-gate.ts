/** Something that happens once: it is closed, then open for good. */
export interface Gate {
  readonly isOpen: boolean;
  /** Resolves when the gate opens; rejects with what `fail` was given. */
  readonly opened: Promise<void>;
  open(): void;
  /** It will never open. Ignored once it has. */
  fail(reason: unknown): void;
}

export function createGate(): Gate {
  let isOpen = false;
  let settle: { resolve: () => void; reject: (reason: unknown) => void } | undefined;
  const opened = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return {
    opened,
    get isOpen() {
      return isOpen;
    },
    open() {
      isOpen = true;
      settle?.resolve();
    },
    fail: (reason) => settle?.reject(reason),
  };
}

/** What `promise` resolves to; undefined if `signal` aborts before. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  let leave: () => void = () => undefined;
  const aborted = new Promise<undefined>((resolve) => {
    leave = () => resolve(undefined);
  });
  if (signal.aborted) return undefined;
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
