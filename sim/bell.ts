/** Wakes the one who waits for it. */
export interface Bell {
  ring(): void;
  /** Resolves at the next ring. Who waits already waits for ever. */
  rung(): Promise<void>;
}

export function createBell(): Bell {
  let wake: () => void = () => undefined;
  return {
    ring: () => wake(),
    rung: () =>
      new Promise((resolve) => {
        wake = resolve;
      }),
  };
}
