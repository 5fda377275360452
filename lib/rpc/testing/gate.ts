/** Something that a test waits for, and that happens elsewhere. */
export interface Gate {
  readonly opened: Promise<void>;
  readonly isOpen: boolean;
  open(): void;
}

export function createGate(): Gate {
  let open: () => void = () => undefined;
  let isOpen = false;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    opened,
    get isOpen() {
      return isOpen;
    },
    open() {
      isOpen = true;
      open();
    },
  };
}

/** What a handler lives through. */
export function createWitness() {
  const called = createGate();
  const aborted = createGate();
  const left = createGate();
  return {
    called: called.opened,
    aborted: aborted.opened,
    left: left.opened,
    leave: left.open,
    watch(signal: AbortSignal): void {
      called.open();
      signal.addEventListener("abort", aborted.open, { once: true });
    },
  };
}
